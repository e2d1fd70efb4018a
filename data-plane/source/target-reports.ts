import type { TargetHealth } from '../../shared/generated/sluice/sync/v1/TargetHealth.ts';
import type { TargetHealths, UpstreamState } from '../../shared/target-health.ts';

/** How often the health is compared with what was told. */
const lookMs = 1_000;
/** Bound of a report in bytes, so that its heartbeat stays below 64 KiB. */
const reportBytesMax = 48 * 1024;
/** Bound of the name of a target, in characters. */
const targetCharsMax = 300;
/** The bytes of an upstream and of a target besides its name, at most. */
const upstreamBytes = 48;
const targetBytes = 24;

/** Decides when the health of targets is told: at the start of a stream, and when it has changed. */
export class TargetReports {
  readonly #healths: TargetHealths;
  readonly #send: (report: TargetHealth) => void;
  #told = -1;
  #timer: NodeJS.Timeout | undefined;

  constructor(healths: TargetHealths, send: (report: TargetHealth) => void) {
    this.#healths = healths;
    this.#send = send;
  }

  start(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.look(), lookMs);
    this.look();
  }

  /** Tells the health, if it has changed. */
  look(): void {
    const revision = this.#healths.revision();
    if (revision === this.#told) return;
    this.#told = revision;
    this.#send(reportOf(this.#healths.states()));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Makes the report. Upstreams with failing targets come first, so that they are in it when not all fit. */
function reportOf(states: readonly UpstreamState[]): TargetHealth {
  const upstreams: NonNullable<TargetHealth['upstreams']> = [];
  let bytes = 0;
  for (const { upstreamId, isChecked, failing } of states.toSorted(byFailing)) {
    bytes += upstreamBytes;
    const targets: { target: string; state: string }[] = [];
    for (const { target, state } of failing) {
      bytes += Math.min(target.length, targetCharsMax) + targetBytes;
      if (bytes > reportBytesMax) break;
      targets.push({ target: target.slice(0, targetCharsMax), state });
    }
    if (bytes > reportBytesMax) break;
    upstreams.push({ upstreamId, checked: isChecked, targets });
  }
  return { upstreams, omitted: states.length - upstreams.length };
}

function byFailing(a: UpstreamState, b: UpstreamState): number {
  return Math.sign(b.failing.length) - Math.sign(a.failing.length);
}
