import type { Upstream as UpstreamEntity } from '../../shared/entities/upstream.ts';
import type { Endpoint } from './endpoint.ts';
import type { Report, Thresholds } from './health-state.ts';
import { probe as probeEndpoint, type ProbeOptions, type ProbeResult } from './probes.ts';

export type ActiveSettings = NonNullable<NonNullable<UpstreamEntity['healthchecks']>['active']>;

export interface ActiveChecksOptions {
  readonly active: ActiveSettings;
  readonly hostHeader: string | null;
  readonly endpoints: () => readonly Endpoint[];
  /** Hears of each probe that counts; `error` says what failed, in words. */
  readonly onReport: (endpoint: Endpoint, report: Report, thresholds: Thresholds, error?: string) => void;
  readonly probe?: (endpoint: Endpoint, options: ProbeOptions) => Promise<ProbeResult>;
}

/**
 * Probes the healthy endpoints every `healthy.interval` seconds and the others every `unhealthy.interval`; an interval of 0
 * switches that off. At most `concurrency` probes run at a time, and one endpoint has one at a time.
 */
export class ActiveChecks {
  readonly #options: ActiveChecksOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<Endpoint>();
  readonly #waiting = new Set<Endpoint>();
  #isClosed = false;

  constructor(options: ActiveChecksOptions) {
    this.#options = options;
    const { healthy, unhealthy } = options.active;
    this.#every(healthy.interval, (endpoint) => endpoint.health.isHealthy);
    this.#every(unhealthy.interval, (endpoint) => !endpoint.health.isHealthy);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#waiting.clear();
  }

  #every(seconds: number | null, isDue: (endpoint: Endpoint) => boolean): void {
    if (seconds === null || seconds === 0) return;
    const probeDue = () => {
      for (const endpoint of this.#options.endpoints()) if (isDue(endpoint)) this.#waiting.add(endpoint);
      this.#startWaiting();
    };
    this.#timers.push(setInterval(probeDue, seconds * 1_000));
  }

  #startWaiting(): void {
    for (const endpoint of this.#waiting) {
      if (this.#running.size >= (this.#options.active.concurrency ?? 1)) return;
      this.#waiting.delete(endpoint);
      if (this.#running.has(endpoint)) continue;
      this.#running.add(endpoint);
      void this.#check(endpoint);
    }
  }

  async #check(endpoint: Endpoint): Promise<void> {
    const { active, hostHeader, probe = probeEndpoint } = this.#options;
    const result = await probe(endpoint, probeOptions(active, hostHeader));
    this.#running.delete(endpoint);
    if (this.#isClosed) return;
    const report = reportOf(result, active);
    if (report !== undefined) this.#options.onReport(endpoint, report, activeThresholds(active), errorOf(result));
    this.#startWaiting();
  }
}

function probeOptions(active: ActiveSettings, hostHeader: string | null): ProbeOptions {
  return {
    type: active.type,
    timeoutMs: (active.timeout ?? 1) * 1_000,
    path: active.http_path ?? '/',
    headers: active.headers ?? {},
    sni: active.https_sni,
    verifyCertificate: active.https_verify_certificate,
    hostHeader,
  };
}

/** Returns what a probe says of an endpoint; undefined for a status that is in neither list. */
function reportOf(result: ProbeResult, { healthy, unhealthy }: ActiveSettings): Report | undefined {
  if (result.kind === 'connected') return 'success';
  if (result.kind === 'timeout') return 'timeout';
  if (result.kind === 'failed') return 'tcp_failure';
  return statusReport(result.status, healthy.http_statuses, unhealthy.http_statuses);
}

/** Returns what a status says of an endpoint; undefined when it is in neither list. */
export function statusReport(
  status: number,
  healthy: readonly number[] | null,
  unhealthy: readonly number[] | null,
): Report | undefined {
  if (healthy?.includes(status) === true) return 'success';
  return unhealthy?.includes(status) === true ? 'http_failure' : undefined;
}

function activeThresholds({ healthy, unhealthy }: ActiveSettings): Thresholds {
  return {
    successes: healthy.successes ?? 0,
    tcpFailures: unhealthy.tcp_failures ?? 0,
    timeouts: unhealthy.timeouts ?? 0,
    httpFailures: unhealthy.http_failures ?? 0,
  };
}

function errorOf(result: ProbeResult): string | undefined {
  if (result.kind === 'connected') return undefined;
  if (result.kind === 'status') return `status ${result.status}`;
  return result.kind === 'timeout' ? 'no answer in time' : result.message;
}
