import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import {
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../../shared/log.ts';
import { createHttpClient, type HttpClient } from '../http-client/http-client.ts';
import { tracingOf } from './open-telemetry.ts';
import type { EndpointOptions, Tracing } from './tracing.ts';

export interface EndpointTracingOptions extends EndpointOptions {
  readonly sluiceVersion: string;
  readonly nodeId: string;
  readonly logger: Logger;
}

/**
 * Traces that go to one endpoint. Nothing of OpenTelemetry's variables counts here: they hold the headers, and so the
 * secrets, of another endpoint.
 */
export function endpointTracing(options: EndpointTracingOptions): Tracing {
  const { sluiceVersion, nodeId, logger, samplingRate } = options;
  return tracingOf({
    attributes: {
      'service.name': 'sluice',
      'service.version': sluiceVersion,
      'service.instance.id': nodeId,
      ...options.attributes,
    },
    sampler: new ParentBasedSampler({
      root: samplingRate === null ? new AlwaysOnSampler() : new TraceIdRatioBasedSampler(samplingRate),
    }),
    batch: {
      exporter: new EndpointExporter(options),
      maxQueueSize: options.queueSpansMax,
      maxExportBatchSize: Math.min(options.batchSpansMax, options.queueSpansMax),
      scheduledDelayMillis: options.delayMs,
      // The exporter ends an export itself and says why; this is for an exporter that does not.
      exportTimeoutMillis: options.timeoutMs + 1_000,
    },
    sluiceVersion,
    logger,
  });
}

/** Sends spans as OTLP's JSON. */
class EndpointExporter implements SpanExporter {
  readonly #options: EndpointOptions;
  readonly #client: HttpClient;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#client = createHttpClient(options.url, { sslVerify: true, keepAlive: true });
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#send(spans).then(
      () => done({ code: ExportResultCode.SUCCESS }),
      (error: unknown) =>
        done({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) }),
    );
  }

  async shutdown(): Promise<void> {
    this.#client.close();
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    const { url, headers, timeoutMs } = this.#options;
    const bytes = JsonTraceSerializer.serializeRequest(spans);
    if (bytes === undefined) throw new Error('the spans could not be written');
    const { status } = await this.#client.send({
      url,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: Buffer.from(bytes).toString(),
      timeoutMs,
    });
    if (status >= 300) throw new Error(`the endpoint answered ${status}`);
  }
}
