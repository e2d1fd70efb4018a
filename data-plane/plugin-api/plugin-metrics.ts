import type { ErrorCode } from '../../shared/errors.ts';
import type { ProxySeries } from './proxy-series.ts';

/** The metrics that plugins report to. */
export interface PluginMetrics {
  /** Counts a log entry that no queue accepted. An entry that was queued and lost is counted by its producer. */
  logEntryLost(plugin: string, code: ErrorCode): void;
  /** Counts a client whose counters were forgotten, because the node counts more clients than it may. */
  rateLimitKeyEvicted(): void;
  /** Counts a request whose counters Redis did not give. */
  rateLimitUnavailable(action: 'passed' | 'refused'): void;
  /** The metrics that the plugin prometheus shows. */
  readonly proxySeries: ProxySeries;
}
