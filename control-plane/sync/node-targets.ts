import type { TargetHealth__Output } from '../../shared/generated/sluice/sync/v1/TargetHealth.ts';
import type { FailingTarget, UpstreamState } from '../../shared/target-health.ts';
import { boundedText } from './bounded-text.ts';

/** Upstreams of a node, and failing targets of all of them, that are kept. */
const upstreamsMax = 2_000;
const failingMax = 2_000;
/** Bound of the name of a target, in characters. */
const targetCharsMax = 300;
const idCharsMax = 64;
const states: readonly FailingTarget['state'][] = ['UNHEALTHY', 'DNS_ERROR'];

/** The health of targets that a node told last, by the upstream's id. */
export type NodeTargets = ReadonlyMap<string, UpstreamState>;

/** Reads the health of targets of a heartbeat within bounds. A state of a newer version counts as unhealthy. */
export function nodeTargets({ upstreams }: TargetHealth__Output): NodeTargets {
  const known = new Map<string, UpstreamState>();
  let left = failingMax;
  for (const { upstreamId, checked, targets } of upstreams.slice(0, upstreamsMax)) {
    const failing = targets.slice(0, left).map(({ target, state }) => ({
      target: boundedText(target, targetCharsMax),
      state: states.find((one) => one === state) ?? 'UNHEALTHY',
    }));
    left -= failing.length;
    const id = boundedText(upstreamId, idCharsMax);
    known.set(id, { upstreamId: id, isChecked: checked, failing });
  }
  return known;
}
