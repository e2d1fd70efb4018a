import { Readable } from 'node:stream';
import { prometheusSchema, type PrometheusConfig } from '../../../shared/plugin-schemas/prometheus.ts';
import type { Answer, Exchange, ExchangeConsumer } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import type { ProxySeries, SampleLabels } from '../../plugin-api/proxy-series.ts';

/** Shows metrics under Kong's names beside those of the node. */
export const prometheus: PluginDefinition<PrometheusConfig> = {
  version: prometheusSchema.version,
  priority: prometheusSchema.priority,
  publishes: false,
  create(config, { metrics: { proxySeries } }) {
    return {
      kind: 'created',
      instance: {
        log(exchange, answer) {
          const labels = labelsOf(exchange, config, proxySeries);
          if (config.status_code_metrics) {
            const source = exchange.upstreamLatencyMs === undefined ? 'kong' : 'service';
            proxySeries.request(labels, answer.status, source);
          }
          if (config.latency_metrics) measure(exchange, labels, proxySeries);
          if (config.bandwidth_metrics) countBytes(exchange, answer, labels, proxySeries);
        },
      },
    };
  },
};

function labelsOf({ route, consumer }: Exchange, config: PrometheusConfig, series: ProxySeries): SampleLabels {
  return {
    service: route?.serviceName ?? route?.serviceId ?? '',
    route: route?.name ?? route?.id ?? '',
    consumer: config.per_consumer && consumer !== undefined ? series.consumerLabel(nameOf(consumer)) : '',
  };
}

function nameOf({ id, username, customId }: ExchangeConsumer): string {
  return username ?? customId ?? id;
}

function measure(exchange: Exchange, labels: SampleLabels, series: ProxySeries): void {
  const totalMs = performance.now() - exchange.receivedAtMs;
  const { upstreamLatencyMs } = exchange;
  series.latency(labels, 'request', totalMs);
  series.latency(labels, 'kong', Math.max(0, totalMs - (upstreamLatencyMs ?? 0)));
  if (upstreamLatencyMs !== undefined) series.latency(labels, 'upstream', upstreamLatencyMs);
}

/** Heads count as HTTP/1.1 writes them, whatever the protocol. */
function countBytes(exchange: Exchange, answer: Answer, labels: SampleLabels, series: ProxySeries): void {
  const { method, target, headers } = exchange;
  const declared = Number(headers.get('content-length') ?? 0);
  const requestLine = `${method} ${target} HTTP/1.1\r\n`.length;
  series.bytes(labels, 'ingress', requestLine + headBytes(headers.flat()) + (Number.isFinite(declared) ? declared : 0));
  const { body } = answer;
  const head = 'HTTP/1.1 200 OK\r\n'.length + headBytes(answer.headers);
  if (!(body instanceof Readable)) {
    series.bytes(labels, 'egress', head + Buffer.byteLength(body));
    return;
  }
  let bytes = head;
  body.on('data', (chunk: Buffer) => (bytes += chunk.length));
  body.once('close', () => series.bytes(labels, 'egress', bytes));
}

function headBytes(flat: readonly string[]): number {
  let bytes = '\r\n'.length;
  // `: ` behind a name and the end of the line behind a value.
  for (const text of flat) bytes += text.length + 2;
  return bytes;
}
