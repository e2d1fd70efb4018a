import { diag, DiagLogLevel, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  type BatchSpanProcessorOptions,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';
import type {
  Environment,
  ForwardSpan,
  ProduceSpan,
  RequestSpan,
  TracedRequest,
  Tracing,
  TracingOptions,
} from './tracing.ts';

/** Finished spans that wait for their export; more are dropped. */
const queueSpansMax = 10_000;
const defaultDelayMs = 2_000;

const propagator = new W3CTraceContextPropagator();
const getter = {
  get: ({ headers }: TracedRequest, name: string) => headers.get(name),
  keys: () => [],
};

/**
 * Spans by OpenTelemetry's conventions for HTTP servers and messaging producers. Where they go, with which headers and how
 * long an export may take is read from OpenTelemetry's own variables.
 */
export function openTelemetry({ env, sluiceVersion, nodeId, logger }: TracingOptions): Tracing {
  return tracingOf({
    attributes: {
      'service.name': env['OTEL_SERVICE_NAME'] ?? 'sluice',
      'service.version': sluiceVersion,
      'service.instance.id': nodeId,
    },
    sampler: samplerOf(env),
    batch: {
      exporter: new OTLPTraceExporter(),
      maxQueueSize: queueSpansMax,
      scheduledDelayMillis: Number(env['OTEL_BSP_SCHEDULE_DELAY'] ?? defaultDelayMs),
    },
    sluiceVersion,
    logger,
  });
}

export interface TracingParts {
  /** Attributes of the resource that the spans belong to. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
  readonly batch: BatchSpanProcessorOptions;
  readonly sluiceVersion: string;
  readonly logger: Logger;
}

/** Makes spans for requests and records, and exports them in batches. */
export function tracingOf({ attributes: resource, sampler, batch, sluiceVersion, logger }: TracingParts): Tracing {
  logFailures(logger);
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resource),
    sampler,
    spanProcessors: [new BatchSpanProcessor(batch)],
  });
  const tracer = provider.getTracer('sluice', sluiceVersion);
  return {
    request(request): RequestSpan {
      const parent = propagator.extract(ROOT_CONTEXT, request, getter);
      const { method, protocol, path, host } = request;
      const attributes = {
        'http.request.method': method,
        'url.scheme': protocol,
        'url.path': path,
        'server.address': host,
      };
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
      const context = trace.setSpan(parent, span);
      return {
        traceId: span.spanContext().traceId,
        produce(topic) {
          const sent = { 'messaging.system': 'kafka', 'messaging.operation.type': 'send' };
          const options = {
            kind: SpanKind.PRODUCER,
            attributes: { ...sent, 'messaging.operation.name': 'send', 'messaging.destination.name': topic },
          };
          return produceSpan(tracer.startSpan(`send ${topic}`, options, context));
        },
        forward(service) {
          const attributes = { 'http.request.method': method, 'peer.service': service };
          return forwardSpan(tracer.startSpan(`${method} ${service}`, { kind: SpanKind.CLIENT, attributes }, context));
        },
        end(status, route) {
          span.setAttribute('http.response.status_code', status);
          if (route !== undefined) {
            span.updateName(`${method} ${route}`);
            span.setAttribute('http.route', route);
          }
          if (status >= 500) {
            span.setAttribute('error.type', String(status));
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end();
        },
      };
    },
    // A failure was logged by then.
    close: () => provider.shutdown().catch(() => undefined),
  };
}

/** From the request to the head of the answer. */
function forwardSpan(span: Span): ForwardSpan {
  return {
    traceparent: traceparentOf(span),
    end(status, cause) {
      span.setAttribute('http.response.status_code', status);
      if (cause !== undefined || status >= 500) {
        span.setAttribute('error.type', String(status));
        span.setStatus({ code: SpanStatusCode.ERROR, ...(cause !== undefined && { message: cause }) });
      }
      span.end();
    },
  };
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}

function produceSpan(span: Span): ProduceSpan {
  return {
    traceparent: traceparentOf(span),
    end({ outcome, code, message, partition, offset }) {
      span.setAttribute('sluice.outcome', outcome);
      if (partition !== undefined) span.setAttribute('messaging.destination.partition.id', String(partition));
      if (offset !== undefined) span.setAttribute('messaging.kafka.offset', Number(offset));
      if (code !== undefined) {
        span.setAttribute('error.type', code);
        span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
      }
      span.end();
    },
  };
}

/** OTEL_TRACES_SAMPLER and its argument, as OpenTelemetry's SDKs read them; every trace by default. */
function samplerOf(env: Environment): Sampler {
  const ratio = () => new TraceIdRatioBasedSampler(Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? 1));
  const samplers: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: ratio,
    parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    parentbased_traceidratio: () => new ParentBasedSampler({ root: ratio() }),
  };
  const name = env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on';
  const make = Object.hasOwn(samplers, name) ? samplers[name] : undefined;
  if (make === undefined) {
    throw new Error(`OTEL_TRACES_SAMPLER: expected one of: ${Object.keys(samplers).join(', ')}`);
  }
  return make();
}

/** Logs failed exports, one line a second at most. An unreachable collector costs traces, nothing else. */
function logFailures(logger: Logger): void {
  const write = pacedLog((event, message, fields) => logger.warn(event, message, fields));
  const told = (text: string) => write('trace_export_failed', 'Traces could not be exported', { error: text });
  const ignore = (): void => undefined;
  diag.setLogger(
    { error: told, warn: told, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
