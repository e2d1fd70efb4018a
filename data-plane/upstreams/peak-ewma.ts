/** Time in which an observation loses all but 1/e of its weight, in milliseconds. */
const decayMs = 10_000;

/**
 * The latency of an endpoint as an exponentially weighted moving average that follows peaks at once and forgets them
 * slowly (Finagle's peak EWMA), in milliseconds.
 */
export class PeakEwma {
  #valueMs = 0;
  #atMs = 0;

  observe(latencyMs: number, nowMs: number): void {
    const current = this.value(nowMs);
    const kept = Math.exp(-Math.max(0, nowMs - this.#atMs) / decayMs);
    this.#valueMs = latencyMs > current ? latencyMs : latencyMs * (1 - kept) + this.#valueMs * kept;
    this.#atMs = nowMs;
  }

  /** Returns the average, which decays towards 0 while nothing is observed, so that a slow endpoint is tried again. */
  value(nowMs: number): number {
    return this.#valueMs * Math.exp(-Math.max(0, nowMs - this.#atMs) / decayMs);
  }
}
