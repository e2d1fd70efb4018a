import { expect } from 'chai';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startControlPlane, type ControlPlaneOptions } from '../../control-plane/main.ts';
import { createLogger } from '../../shared/log.ts';

describe('the control plane', () => {
  let folder: string;
  const events: { event: string; what?: string; address?: string }[] = [];
  const options = (): ControlPlaneOptions => ({
    database: join(folder, 'inner', 'control-plane.db'),
    adminListen: { host: '127.0.0.1', port: 0 },
    adminHosts: [],
    adminCorsOrigins: [],
    clusterListen: 'off',
    statusListen: { host: '127.0.0.1', port: 0 },
    nodePurgeAfterMs: 1000,
    sluiceVersion: '0.0.0',
    logger: createLogger({ level: 'info', format: 'json', write: (line) => events.push(JSON.parse(line)) }),
  });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('starts, says where it listens, keeps its data over a restart', async () => {
    const first = await startControlPlane(options());
    expect(events).to.deep.include.members([
      { ...events[0], event: 'listening', what: 'status', address: first.addresses['status'] },
    ]);
    expect(events.map(({ event }) => event)).to.deep.equal(['listening', 'listening', 'ready']);
    const admin = `http://${first.addresses['admin']}`;
    const made = await fetch(`${admin}/services/s`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"host":"a"}',
    });
    const service = await made.json();
    expect((await fetch(`http://${first.addresses['status']}/status/ready`)).status).to.equal(200);
    const metrics = await (await fetch(`http://${first.addresses['status']}/metrics`)).text();
    expect(metrics).to.contain('sluice_admin_requests_total{method="PUT",status="200"} 1');
    await first.stop();
    await first.stop();
    expect(statSync(options().database).mode & 0o777).to.equal(0o600);

    const second = await startControlPlane(options());
    const read = await fetch(`http://${second.addresses['admin']}/services/s`);
    expect(await read.json()).to.deep.equal(service);
    await second.stop();
  });

  it('closes what it opened when a port is taken', async () => {
    const running = await startControlPlane(options());
    const [, port] = (running.addresses['admin'] ?? '').split(':');
    const failure = await startControlPlane({
      ...options(),
      adminListen: { host: '127.0.0.1', port: Number(port) },
    }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'EADDRINUSE');
    await running.stop();
  });
});
