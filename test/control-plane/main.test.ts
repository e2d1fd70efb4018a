import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readiness, startControlPlane, type ControlPlane, type ControlPlaneOptions } from '../../control-plane/main.ts';
import { createLogger } from '../../shared/log.ts';
import { openHalfRequest } from '../helpers/half-request.ts';
import { testCertificate, writePair } from '../helpers/test-certificates.ts';

describe('the control plane', () => {
  let folder: string;
  const events: { event: string; what?: string; address?: string }[] = [];
  const running: ControlPlane[] = [];
  const start = async (given: ControlPlaneOptions) => {
    const started = await startControlPlane(given);
    running.push(started);
    return started;
  };
  const options = (): ControlPlaneOptions => ({
    database: join(folder, 'inner', 'control-plane.db'),
    adminListen: { host: '127.0.0.1', port: 0 },
    adminHosts: [],
    adminCorsOrigins: [],
    clusterListen: { host: '127.0.0.1', port: 0 },
    statusListen: { host: '127.0.0.1', port: 0 },
    nodePurgeAfterMs: 1000,
    sluiceVersion: '0.0.0',
    logger: createLogger({ level: 'info', format: 'json', write: (line) => events.push(JSON.parse(line)) }),
  });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  });
  afterEach(async () => {
    for (const started of running.splice(0)) await started.stop();
  });
  after(() => rmSync(folder, { recursive: true }));

  it('starts, gives its addresses, keeps its data over a restart', async () => {
    const first = await start(options());
    expect(Object.keys(first.addresses).sort()).to.deep.equal(['admin', 'cluster', 'status']);
    const admin = `http://${first.addresses['admin']}`;
    const made = await fetch(`${admin}/services/s`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"host":"a"}',
    });
    const service = (await made.json()) as object;
    expect((await fetch(`http://${first.addresses['status']}/status/ready`)).status).to.equal(200);
    expect((await fetch(`${admin}/clustering/data-planes`)).status).to.equal(200);
    const waited = await fetch(`${admin}/services/s?wait=applied`, { method: 'DELETE' });
    expect(waited.headers.get('sluice-sync')).to.equal('none; nodes=0');
    await fetch(`${admin}/services`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(service),
    });
    const metrics = await (await fetch(`http://${first.addresses['status']}/metrics`)).text();
    expect(metrics).to.contain('sluice_admin_requests_total{method="PUT",status="200"} 1');
    expect(metrics).to.contain('sluice_admin_request_duration_seconds_count{method="PUT"} 1');
    expect(Number(/^sluice_config_revision (\d+)$/m.exec(metrics)?.[1])).to.be.greaterThan(0);
    await first.stop();
    await first.stop();
    expect(statSync(options().database).mode & 0o777).to.equal(0o600);

    const second = await start(options());
    const read = await fetch(`http://${second.addresses['admin']}/services/s`);
    expect({ ...((await read.json()) as object), updated_at: 0 }).to.deep.equal({ ...service, updated_at: 0 });
    await second.stop();
  });

  it('tells nodes its identity, which a restart keeps and another file does not have', async () => {
    const identityOf = async ({ addresses }: ControlPlane): Promise<unknown> => {
      const answer = await fetch(`http://${addresses['admin']}/clustering/status`);
      return ((await answer.json()) as { database: { id: string } }).database.id;
    };
    const first = await start(options());
    const identity = await identityOf(first);
    expect(identity).to.match(/^[0-9a-f-]{36}$/);
    await first.stop();
    expect(await identityOf(await start(options()))).to.equal(identity);
    const other = await start({ ...options(), database: join(folder, 'other.db') });
    expect(await identityOf(other)).to.not.equal(identity);
  });

  it('tells in its metrics when its certificates expire', async () => {
    const certificate = await testCertificate({ names: ['127.0.0.1'] });
    const files = writePair(folder, 'admin', certificate);
    const { addresses } = await start({
      ...options(),
      adminTlsFiles: files,
      clusterFiles: { ...files, ca: undefined, serverName: undefined },
    });
    const metrics = await (await fetch(`http://${addresses['status']}/metrics`)).text();
    const expiresAt = Date.parse(new X509Certificate(certificate.certPem).validTo) / 1000;
    for (const setting of ['admin_tls_cert', 'cluster_cert']) {
      expect(metrics).to.include(`sluice_certificate_expiry_timestamp_seconds{setting="${setting}"} ${expiresAt}`);
    }
  });

  for (const [what, adminToken, clusterListen, isWarned] of [
    ['a token is set', 'a-token-of-enough-characters', { host: '127.0.0.1', port: 0 }, true],
    ['no token is set', undefined, { host: '127.0.0.1', port: 0 }, false],
    ['the cluster port is off', 'a-token-of-enough-characters', 'off', false],
  ] as const) {
    it(`warns ${isWarned ? '' : 'not '}of a cluster port in the clear when ${what}`, async () => {
      events.splice(0);
      await start({ ...options(), clusterListen, ...(adminToken !== undefined && { adminToken }) });
      expect(events.some(({ event }) => event === 'cluster_in_clear')).to.equal(isWarned);
    });
  }

  it('is not ready while its database fails', () => {
    const problems = ['the database cannot be written: disk full'];
    expect(readiness({ ready: true, stopping: false }, problems)).to.deep.equal({
      ready: false,
      body: { message: 'not ready', reasons: problems },
    });
  });

  for (const [ready, stopping, reasons] of [
    [false, false, ['starting']],
    [true, false, undefined],
    [true, true, ['draining']],
    [false, true, ['draining']],
  ] as const) {
    it(`is ${reasons === undefined ? 'ready' : `not ready: ${reasons[0]}`} (up: ${ready}, stopping: ${stopping})`, () => {
      const state = readiness({ ready, stopping });
      expect([state.ready, state.body.reasons]).to.deep.equal([reasons === undefined, reasons]);
    });
  }

  it('says that it drains while a request is under way', async () => {
    const started = await start(options());
    const { admin = '', status = '' } = started.addresses;
    const ready = async () => {
      const response = await fetch(`http://${status}/status/ready`);
      return [response.status, ((await response.json()) as { reasons?: unknown }).reasons];
    };
    expect(await ready()).to.deep.equal([200, undefined]);
    const half = await openHalfRequest(`http://${admin}/services`);
    const stopped = started.stop();
    expect(await ready()).to.deep.equal([503, ['draining']]);
    expect(await half.finish())
      .to.match(/^HTTP\/1.1 400 /)
      .and.contain('Connection: close');
    await stopped;
  });

  it('closes what it opened when a port is taken', async () => {
    const first = await start(options());
    const [, port] = (first.addresses['admin'] ?? '').split(':');
    const failure = await startControlPlane({
      ...options(),
      database: join(folder, 'other.db'),
      adminListen: { host: '127.0.0.1', port: Number(port) },
    }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'EADDRINUSE');
  });
});
