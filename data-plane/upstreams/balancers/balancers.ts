import type { MakeBalancer } from './balancer.ts';
import { consistentHashing } from './consistent-hashing.ts';
import { latency } from './latency.ts';
import { leastConnections } from './least-connections.ts';
import { roundRobin } from './round-robin.ts';

export type Algorithm = 'round-robin' | 'least-connections' | 'consistent-hashing' | 'latency';

/** Every algorithm of an upstream. */
export const balancers: Readonly<Record<Algorithm, MakeBalancer>> = {
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  'consistent-hashing': consistentHashing,
  latency,
};
