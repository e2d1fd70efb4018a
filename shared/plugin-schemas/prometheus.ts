import { boolean, record, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { defaultOnly } from './record-checks.ts';

function flag(description: string) {
  return boolean({ required: true, default: false, description });
}

const fields = {
  per_consumer: flag('Tells requests and bytes by consumer, too.'),
  status_code_metrics: flag('Counts requests by status: `kong_http_requests_total`.'),
  ai_metrics: flag('Not supported: there is no AI proxy.'),
  latency_metrics: flag(
    'Measures times: `kong_request_latency_ms`, `kong_kong_latency_ms`, `kong_upstream_latency_ms`.',
  ),
  bandwidth_metrics: flag('Counts bytes: `kong_bandwidth_bytes`.'),
  upstream_health_metrics: flag('Not supported: the health of targets has metrics of its own.'),
  wasm_metrics: flag('Not supported: there are no WebAssembly filters.'),
} as const;

export type PrometheusConfig = InferFields<typeof fields>;

/** Shows metrics under Kong's names beside those of the node. */
export const prometheusSchema: PluginSchema<PrometheusConfig> = {
  name: 'prometheus',
  version: '0.1.0',
  priority: 13,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  config: record(fields, {
    required: true,
    checks: [defaultOnly(fields, ['ai_metrics', 'upstream_health_metrics', 'wasm_metrics'])],
  }),
};
