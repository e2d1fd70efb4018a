/** Kong's words for the health of a target. */
export type TargetState = 'HEALTHY' | 'UNHEALTHY' | 'DNS_ERROR' | 'HEALTHCHECKS_OFF';

/** The health of the targets of one upstream, as a node sees it. */
export interface UpstreamState {
  readonly upstreamId: string;
  /** The upstream has health checks: a target that is not named below is HEALTHY, else HEALTHCHECKS_OFF. */
  readonly isChecked: boolean;
  /** The targets that get no requests. */
  readonly failing: readonly FailingTarget[];
}

export interface FailingTarget {
  /** `host:port`, as configured. */
  readonly target: string;
  readonly state: 'UNHEALTHY' | 'DNS_ERROR';
}

/** The health of a target that an operator sets by hand, until the next check says otherwise. */
export interface TargetHealthChange {
  readonly upstreamId: string;
  readonly target: string;
  /** An IP address, alone or with its port; undefined: all of the target's. */
  readonly address: string | undefined;
  readonly isHealthy: boolean;
}

/** The health of the targets that a node sends requests to. */
export interface TargetHealths {
  /** A number that changes with each change of the health. */
  revision(): number;
  states(): readonly UpstreamState[];
  set(change: TargetHealthChange): void;
}

/** Returns the state of a target in a report. */
export function stateOfTarget({ isChecked, failing }: UpstreamState, target: string): TargetState {
  const found = failing.find((each) => each.target === target);
  return found?.state ?? (isChecked ? 'HEALTHY' : 'HEALTHCHECKS_OFF');
}
