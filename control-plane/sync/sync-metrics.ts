import { Counter, Gauge, type Registry } from 'prom-client';
import type { NodeRegistry } from './node-registry.ts';
import { nodeStates } from './node-states.ts';

/** Metrics of the config sync; states are counted when they are asked for. Returns what counts a push. */
export function registerSyncMetrics(
  metrics: Registry,
  registry: () => NodeRegistry | undefined,
): (push: { readonly bytes: number }) => void {
  const registers = [metrics];
  const connected: Gauge = new Gauge({
    name: 'sluice_connected_nodes',
    help: 'Data planes with a live stream.',
    registers,
    collect(): void {
      connected.set(registry()?.connected ?? 0);
    },
  });
  const states: Gauge<'state'> = new Gauge({
    name: 'sluice_nodes',
    help: 'Known data planes by sync state.',
    labelNames: ['state'],
    registers,
    collect(): void {
      for (const state of nodeStates) states.set({ state }, 0);
      const nodes = registry();
      for (const entry of nodes?.list() ?? []) if (nodes) states.inc({ state: nodes.state(entry) });
    },
  });
  const pushes = new Counter({
    name: 'sluice_config_pushes_total',
    help: 'Configurations sent whole to data planes.',
    registers,
  });
  const bytes = new Counter({
    name: 'sluice_config_push_bytes_total',
    help: 'Bytes of configurations sent to data planes, as compressed.',
    registers,
  });
  return (push) => {
    pushes.inc();
    bytes.inc(push.bytes);
  };
}
