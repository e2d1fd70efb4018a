import { Counter, Gauge, type Registry } from 'prom-client';
import type { NodeRegistry } from './node-registry.ts';
import { nodeStates } from './node-states.ts';
import type { Pushed } from './transfer.ts';

/** Registers the metrics of the config sync. Returns the function that counts a push. */
export function registerSyncMetrics(
  metrics: Registry,
  registry: () => NodeRegistry | undefined,
): (push: Pushed) => void {
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
  const pushes: Counter<'kind'> = new Counter({
    name: 'sluice_config_pushes_total',
    help: 'Configurations sent to data planes, as whole snapshots or as deltas.',
    labelNames: ['kind'],
    registers,
  });
  const bytes: Counter<'kind'> = new Counter({
    name: 'sluice_config_push_bytes_total',
    help: 'Bytes of configurations sent to data planes, as compressed.',
    labelNames: ['kind'],
    registers,
  });
  for (const kind of ['snapshot', 'delta']) {
    pushes.inc({ kind }, 0);
    bytes.inc({ kind }, 0);
  }
  return (push) => {
    pushes.inc({ kind: push.kind });
    bytes.inc({ kind: push.kind }, push.bytes);
  };
}
