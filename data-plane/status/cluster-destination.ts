import type { Destination } from '../../shared/destination.ts';
import type { ClusterStatus } from '../kafka/producer-types.ts';

/** Makes the destination of a Kafka cluster from its state. */
export function clusterDestination({ name, state, error }: ClusterStatus): Destination {
  if (state === 'connected') return { kind: 'cluster', name, state: 'reachable', error: null };
  if (state === 'connecting' && error === null) return { kind: 'cluster', name, state: 'untested', error: null };
  return { kind: 'cluster', name, state: 'unreachable', error: error ?? 'no broker answered' };
}
