import { expect } from 'chai';
import { HealthState, type Report, type Thresholds } from '../../../data-plane/upstreams/health-state.ts';

const none: Thresholds = { successes: 0, tcpFailures: 0, timeouts: 0, httpFailures: 0 };

interface Row {
  readonly title: string;
  readonly thresholds: Partial<Thresholds>;
  readonly reports: readonly Report[];
  readonly healthy: boolean;
}

const rows: readonly Row[] = [
  { title: 'starts healthy', thresholds: {}, reports: [], healthy: true },
  {
    title: 'never changes while all thresholds are 0',
    thresholds: {},
    reports: ['tcp_failure', 'timeout'],
    healthy: true,
  },
  {
    title: 'fails at the threshold of TCP failures',
    thresholds: { tcpFailures: 2 },
    reports: ['tcp_failure', 'tcp_failure'],
    healthy: false,
  },
  { title: 'stays below it', thresholds: { tcpFailures: 2 }, reports: ['tcp_failure'], healthy: true },
  {
    title: 'counts kinds of failure apart',
    thresholds: { tcpFailures: 2, timeouts: 2 },
    reports: ['tcp_failure', 'timeout'],
    healthy: true,
  },
  { title: 'fails at the threshold of time-outs', thresholds: { timeouts: 1 }, reports: ['timeout'], healthy: false },
  {
    title: 'fails at the threshold of HTTP failures',
    thresholds: { httpFailures: 1 },
    reports: ['http_failure'],
    healthy: false,
  },
  {
    title: 'a success clears the failures',
    thresholds: { httpFailures: 2 },
    reports: ['http_failure', 'success', 'http_failure'],
    healthy: true,
  },
  {
    title: 'recovers at the threshold of successes',
    thresholds: { tcpFailures: 1, successes: 2 },
    reports: ['tcp_failure', 'success', 'success'],
    healthy: true,
  },
  {
    title: 'a failure clears the successes',
    thresholds: { tcpFailures: 1, successes: 2 },
    reports: ['tcp_failure', 'success', 'tcp_failure', 'success'],
    healthy: false,
  },
  {
    title: 'does not recover while the threshold of successes is 0',
    thresholds: { tcpFailures: 1 },
    reports: ['tcp_failure', 'success', 'success', 'success'],
    healthy: false,
  },
];

describe('HealthState', () => {
  for (const { title, thresholds, reports, healthy } of rows) {
    it(title, () => {
      const state = new HealthState();
      for (const report of reports) state.report(report, { ...none, ...thresholds });
      expect(state.isHealthy).to.equal(healthy);
    });
  }

  it('tells when a report changes the state, once', () => {
    const state = new HealthState();
    const thresholds = { ...none, tcpFailures: 1, successes: 1 };
    expect(state.report('tcp_failure', thresholds)).to.equal(true);
    expect(state.report('tcp_failure', thresholds)).to.equal(false);
    expect(state.report('success', thresholds)).to.equal(true);
  });

  it('is set by hand until reports say otherwise', () => {
    const state = new HealthState();
    expect(state.set(false)).to.equal(true);
    expect(state.set(false)).to.equal(false);
    expect(state.report('success', { ...none, successes: 1 })).to.equal(true);
    expect(state.isHealthy).to.equal(true);
  });
});
