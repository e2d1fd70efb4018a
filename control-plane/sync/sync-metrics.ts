import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { NodeRegistry } from './node-registry.ts';
import { nodeStates } from './node-states.ts';
import type { Pushed } from './transfer.ts';

/** Registers the gauges of connected nodes and of nodes by state, which are counted at each scrape. */
export function registerNodeGauges(metrics: Registry, registry: NodeRegistry): void {
  const registers = [metrics];
  const connected: Gauge = new Gauge({
    name: 'sluice_connected_nodes',
    help: 'Data planes with a live stream.',
    registers,
    collect(): void {
      connected.set(registry.connected);
    },
  });
  const states: Gauge<'state'> = new Gauge({
    name: 'sluice_nodes',
    help: 'Known data planes by sync state.',
    labelNames: ['state'],
    registers,
    collect(): void {
      for (const state of nodeStates) states.set({ state }, 0);
      for (const entry of registry.list()) states.inc({ state: registry.state(entry) });
    },
  });
}

/** Registers the gauge of the newest revision that was published. */
export function registerRevisionGauge(metrics: Registry, revisionOf: () => number): void {
  const gauge: Gauge = new Gauge({
    name: 'sluice_config_revision',
    help: 'Newest revision of the database that was looked at for data planes.',
    registers: [metrics],
    collect(): void {
      gauge.set(Math.max(0, revisionOf()));
    },
  });
}

/** Registers the histogram of answers to pushes. Returns the function that observes one. */
export function ackObserver(metrics: Registry): (ackMs: number) => void {
  const histogram = new Histogram({
    name: 'sluice_config_push_to_ack_seconds',
    help: 'Time from the end of a push to the acknowledgement of the data plane.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [metrics],
  });
  return (ackMs) => histogram.observe(ackMs / 1000);
}

/** Registers the counters of pushes. Returns the function that counts one. */
export function pushCounter(metrics: Registry): (push: Pushed) => void {
  const registers = [metrics];
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
