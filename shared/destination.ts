/** Something outside of the product that a configuration names and that a node must reach for its records. */
export interface Destination {
  readonly kind: 'cluster' | 'topic' | 'registry';
  /** `CLUSTER`, `CLUSTER/TOPIC`, or host and port of a registry. Holds no secret. */
  readonly name: string;
  /** `untested` until the node's first attempt since the apply has ended. */
  readonly state: 'reachable' | 'unreachable' | 'untested';
  /** Says in words why it is unreachable, without a secret; null in the other states. */
  readonly error: string | null;
}
