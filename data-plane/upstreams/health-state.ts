/** How a request or a probe of an endpoint ended. `http_failure` is a status that counts as unhealthy. */
export type Report = 'success' | 'tcp_failure' | 'timeout' | 'http_failure';

/** Counts that change the state; 0: that report never does. */
export interface Thresholds {
  readonly successes: number;
  readonly tcpFailures: number;
  readonly timeouts: number;
  readonly httpFailures: number;
}

/**
 * Whether an endpoint is healthy, by counts of reports in a row. Active and passive checks share the counts and bring
 * thresholds of their own, as in Kong. A success clears the counts of failures; a failure clears the successes.
 */
export class HealthState {
  #isHealthy = true;
  #successes = 0;
  #tcpFailures = 0;
  #timeouts = 0;
  #httpFailures = 0;

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Counts a report. Returns whether the state changed. */
  report(report: Report, thresholds: Thresholds): boolean {
    if (report === 'success') return this.#succeed(thresholds.successes);
    this.#successes = 0;
    return this.#isHealthy && this.#fails(report, thresholds) && this.set(false);
  }

  /** Sets the state and clears all counts. Returns whether it changed. */
  set(isHealthy: boolean): boolean {
    const changed = this.#isHealthy !== isHealthy;
    this.#isHealthy = isHealthy;
    this.#successes = 0;
    this.#clearFailures();
    return changed;
  }

  #succeed(threshold: number): boolean {
    this.#clearFailures();
    if (this.#isHealthy) return false;
    this.#successes++;
    return threshold > 0 && this.#successes >= threshold && this.set(true);
  }

  /** Counts a failure. Returns whether its threshold is reached. */
  #fails(report: Exclude<Report, 'success'>, thresholds: Thresholds): boolean {
    const { tcpFailures, timeouts, httpFailures } = thresholds;
    if (report === 'tcp_failure') return tcpFailures > 0 && ++this.#tcpFailures >= tcpFailures;
    if (report === 'timeout') return timeouts > 0 && ++this.#timeouts >= timeouts;
    return httpFailures > 0 && ++this.#httpFailures >= httpFailures;
  }

  #clearFailures(): void {
    this.#tcpFailures = 0;
    this.#timeouts = 0;
    this.#httpFailures = 0;
  }
}
