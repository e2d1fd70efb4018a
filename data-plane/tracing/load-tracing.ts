import type { Environment, MakeTracing } from './tracing.ts';

/**
 * Traces over OTLP/HTTP, on when the standard variables name where to send them (`OTEL_EXPORTER_OTLP_ENDPOINT`, or the
 * one for traces). Returns undefined otherwise, and loads no library then.
 */
export async function loadTracing(env: Environment): Promise<MakeTracing | undefined> {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (endpoint === '' || env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none')
    return undefined;
  const { openTelemetry } = await import('./open-telemetry.ts');
  return openTelemetry;
}
