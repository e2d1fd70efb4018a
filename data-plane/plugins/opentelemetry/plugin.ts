import { openTelemetrySchema, type OpenTelemetryConfig } from '../../../shared/plugin-schemas/opentelemetry.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../../plugin-api/plugin-definition.ts';

/** Sends the spans of requests to an endpoint of its own, in place of the node's. */
export const openTelemetry: PluginDefinition<OpenTelemetryConfig> = {
  version: openTelemetrySchema.version,
  priority: openTelemetrySchema.priority,
  publishes: false,
  async create(stored, deps) {
    const { value: config, faults } = resolveReferences(openTelemetrySchema.config, stored, deps.env);
    const bad = URL.canParse(config.traces_endpoint ?? '') ? [] : [{ path: ['traces_endpoint'], message: 'is no URL' }];
    const all = faults.length > 0 ? faults : bad;
    if (all.length > 0) {
      return { kind: 'faults', faults: all.map(({ path, message }) => ({ path: ['config', ...path], message })) };
    }
    return { kind: 'created', instance: await createInstance(config, deps) };
  },
};

async function createInstance(config: OpenTelemetryConfig, { openTracing }: PluginDeps): Promise<PluginInstance> {
  if (openTracing === undefined) return {};
  const { queue, http_response_header_for_traceid: answerHeader } = config;
  const tracing = await openTracing({
    url: config.traces_endpoint ?? '',
    headers: config.headers ?? {},
    attributes: config.resource_attributes ?? {},
    samplingRate: config.sampling_rate,
    timeoutMs: config.read_timeout,
    batchSpansMax: queue.max_batch_size,
    queueSpansMax: queue.max_entries,
    delayMs: queue.max_coalescing_delay * 1000,
  });
  return {
    tracing: { begin: (exchange) => tracing.request(exchange), answerHeader },
    // It tries to export what is left, within the time limit of an export.
    close: () => void tracing.close(),
  };
}
