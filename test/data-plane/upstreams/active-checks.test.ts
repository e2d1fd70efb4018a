import { expect } from 'chai';
import { ActiveChecks, type ActiveSettings } from '../../../data-plane/upstreams/active-checks.ts';
import type { Endpoint } from '../../../data-plane/upstreams/endpoint.ts';
import type { Report } from '../../../data-plane/upstreams/health-state.ts';
import type { ProbeResult } from '../../../data-plane/upstreams/probes.ts';
import { Closing } from '../../helpers/closing.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { makeEndpoint } from './endpoints.ts';

const active: ActiveSettings = {
  type: 'http',
  timeout: 1,
  concurrency: 2,
  http_path: '/',
  https_sni: null,
  https_verify_certificate: true,
  headers: null,
  healthy: { interval: 0.02, http_statuses: [200], successes: 1 },
  unhealthy: { interval: 0, http_statuses: [500], tcp_failures: 1, timeouts: 1, http_failures: 1 },
};

describe('ActiveChecks', () => {
  const closing = new Closing();
  afterEach(() => closing.close());

  function start(endpoints: readonly Endpoint[], probe: (endpoint: Endpoint) => Promise<ProbeResult>) {
    const reports: { endpoint: Endpoint; report: Report; error: string | undefined }[] = [];
    const checks = new ActiveChecks({
      active,
      hostHeader: null,
      endpoints: () => endpoints,
      onReport: (endpoint, report, _thresholds, error) => reports.push({ endpoint, report, error }),
      probe,
    });
    closing.add(() => checks.close());
    return reports;
  }

  it('runs at most `concurrency` probes at a time, and each endpoint gets its turn', async () => {
    const open: { endpoint: Endpoint; end: () => void }[] = [];
    const seen = new Set<Endpoint>();
    const endpoints = ['a', 'b', 'c', 'd', 'e'].map((name) => makeEndpoint(name));
    start(endpoints, (endpoint) => {
      seen.add(endpoint);
      return new Promise((resolve) => open.push({ endpoint, end: () => resolve({ kind: 'connected' }) }));
    });
    await waitFor(() => open.length > 0, { what: 'the first probe' });
    while (seen.size < endpoints.length) {
      expect(open.length).to.be.at.most(2);
      open.shift()?.end();
      await waitFor(() => open.length === 2, { what: 'the next probe' });
      expect(new Set(open.map(({ endpoint }) => endpoint)).size).to.equal(2);
    }
  });

  const rows: readonly {
    readonly result: ProbeResult;
    readonly report: Report | undefined;
    readonly error?: string;
  }[] = [
    { result: { kind: 'connected' }, report: 'success' },
    { result: { kind: 'status', status: 200 }, report: 'success', error: 'status 200' },
    { result: { kind: 'status', status: 500 }, report: 'http_failure', error: 'status 500' },
    { result: { kind: 'status', status: 418 }, report: undefined },
    { result: { kind: 'timeout' }, report: 'timeout', error: 'no answer in time' },
    { result: { kind: 'failed', message: 'refused' }, report: 'tcp_failure', error: 'refused' },
  ];
  for (const { result, report, error } of rows) {
    it(`reports ${JSON.stringify(result)} as ${report ?? 'nothing'}`, async () => {
      let probes = 0;
      const endpoint = makeEndpoint('a');
      const reports = start([endpoint], () => Promise.resolve(probes++ === 0 ? result : { kind: 'connected' }));
      await waitFor(() => probes > 1, { what: 'a second probe' });
      expect(reports[0]).to.deep.equal({ endpoint, report: report ?? 'success', error });
    });
  }

  it('probes an unhealthy endpoint only where its interval says so', async () => {
    const [well, ill] = [makeEndpoint('well'), makeEndpoint('ill')];
    ill.health.set(false);
    const probed: string[] = [];
    start([ill, well], (endpoint) => {
      probed.push(endpoint.hostname);
      return Promise.resolve({ kind: 'connected' });
    });
    await waitFor(() => probed.length >= 3, { what: 'three probes' });
    expect(new Set(probed)).to.deep.equal(new Set(['well']));
  });
});
