import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { admin, adminOk } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { writeFile } from 'node:fs/promises';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
  runDbless,
  runSluice,
} from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface ShownTarget {
  readonly target: string;
  readonly health: string;
  readonly nodes: {
    readonly healthy: number;
    readonly unhealthy: readonly { readonly id: string; readonly health: string }[];
  };
}

describe('the health of targets', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let controlPlane: ControlPlaneProcess;
  const nodes: DataPlaneProcess[] = [];
  const servers: Server[] = [];
  /** Answers of one server are failures while it is ill. */
  let isIll = false;
  let targets: string[];

  before(async () => {
    for (const name of ['a', 'b']) {
      const server = createServer((_request, response) => {
        response.statusCode = name === 'a' && isIll ? 500 : 200;
        response.end(name);
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      closing.add(() => {
        server.closeAllConnections();
        server.close();
      });
      servers.push(server);
    }
    targets = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    controlPlane = await runControlPlane({ folder: folder.path });
    closing.add(() => controlPlane.stop());
    for (const name of ['one', 'two']) {
      const node = await runDataPlane({ folder: `${folder.path}/${name}`, controlPlane: controlPlane.cluster });
      closing.add(() => node.stop());
      nodes.push(node);
    }
    const unhealthy = { http_failures: 2, http_statuses: [500] };
    await adminOk(controlPlane.admin, 'PUT', '/upstreams/pair', { healthchecks: { passive: { unhealthy } } });
    await adminOk(controlPlane.admin, 'PUT', '/upstreams/unchecked', {});
    for (const target of targets) {
      await adminOk(controlPlane.admin, 'POST', '/upstreams/pair/targets', { target });
      await adminOk(controlPlane.admin, 'POST', '/upstreams/unchecked/targets', { target });
    }
    for (const name of ['pair', 'unchecked']) {
      await adminOk(controlPlane.admin, 'PUT', `/services/${name}`, { host: name });
      await adminOk(controlPlane.admin, 'PUT', `/services/${name}/routes/${name}?wait=applied`, {
        paths: [`/${name}`],
      });
    }
  });
  after(() => closing.close());

  async function shown(upstream = 'pair'): Promise<ShownTarget[]> {
    const body = await adminOk(controlPlane.admin, 'GET', `/upstreams/${upstream}/health`);
    // A border: the test states what it expects of it.
    const list = (body.data ?? []) as readonly unknown[] as ShownTarget[];
    return targets.map((target) => list.find((each) => each.target === target)).filter((each) => each !== undefined);
  }
  const healths = async (upstream?: string) => (await shown(upstream)).map(({ health }) => health);
  const becomes = (wanted: readonly string[], upstream?: string) =>
    waitFor(async () => (await healths(upstream)).join() === wanted.join(), { what: wanted.join(), timeoutMs: 5_000 });
  /** Who answers so many requests to a node. */
  async function answersOf(node: DataPlaneProcess | undefined, count = 8): Promise<Set<string>> {
    const texts = new Set<string>();
    for (let sent = 0; sent < count; sent += 1) texts.add(await (await fetch(`${node?.proxy}/pair`)).text());
    return texts;
  }
  const set = (target: string | undefined, word: string) =>
    admin(controlPlane.admin, 'PUT', `/upstreams/pair/targets/${encodeURIComponent(target ?? '')}/${word}`);

  it('is told by each node: HEALTHY where it is checked, HEALTHCHECKS_OFF where it is not', async () => {
    await waitFor(async () => (await shown())[0]?.nodes.healthy === 2, { what: 'both nodes' });
    expect(await healths()).to.deep.equal(['HEALTHY', 'HEALTHY']);
    expect(await healths('unchecked')).to.deep.equal(['HEALTHCHECKS_OFF', 'HEALTHCHECKS_OFF']);
  });

  it('is the worst that a node tells, with the name of that node', async () => {
    isIll = true;
    await answersOf(nodes[0]);
    await becomes(['UNHEALTHY', 'HEALTHY']);
    const [ill] = await shown();
    const { node_id: id } = (await (await fetch(`${nodes[0]?.status}/status`)).json()) as { node_id: string };
    expect(ill?.nodes.healthy).to.equal(1);
    expect(ill?.nodes.unhealthy).to.have.length(1);
    expect(ill?.nodes.unhealthy[0]).to.include({ id, health: 'UNHEALTHY' });
    isIll = false;
    expect(await answersOf(nodes[0])).to.deep.equal(new Set(['b']));
    expect(await answersOf(nodes[1])).to.deep.equal(new Set(['a', 'b']));
  });

  it('is in the metrics and the log of the node', async () => {
    const metrics = await (await fetch(`${nodes[0]?.status}/metrics`)).text();
    const lines = metrics
      .split('\n')
      .filter((line) => line.startsWith('sluice_upstream_target_healthy{upstream="pair"'));
    expect(lines).to.have.members(
      targets.map((target, at) => `sluice_upstream_target_healthy{upstream="pair",target="${target}"} ${at}`),
    );
    const line = nodes[0]?.lines.find(({ event }) => event === 'target_unhealthy');
    expect(line).to.include({ upstream: 'pair', target: targets[0], error: 'status 500' });
  });

  it('is set on every node by hand, for a target or one of its addresses', async () => {
    expect((await set(targets[0], 'healthy')).status).to.equal(204);
    await becomes(['HEALTHY', 'HEALTHY']);
    expect(await answersOf(nodes[0])).to.deep.equal(new Set(['a', 'b']));
    expect((await set(targets[1], `${encodeURIComponent(targets[1] ?? '')}/unhealthy`)).status).to.equal(204);
    await becomes(['HEALTHY', 'UNHEALTHY']);
    expect((await shown())[1]?.nodes).to.include({ healthy: 0 });
    for (const node of nodes) expect(await answersOf(node)).to.deep.equal(new Set(['a']));
    expect((await set(targets[1], '127.0.0.9/unhealthy')).status).to.equal(204);
    expect((await set(targets[1], '127.0.0.1/healthy')).status).to.equal(204);
    await becomes(['HEALTHY', 'HEALTHY']);
    expect((await set('127.0.0.1:9', 'healthy')).status).to.equal(404);
    expect((await admin(controlPlane.admin, 'PUT', '/upstreams/none/targets/x/healthy')).status).to.equal(404);
    expect((await admin(controlPlane.admin, 'GET', `/upstreams/pair/targets/x/healthy`)).status).to.equal(405);
  });

  it('answers 503 where no target is healthy', async () => {
    for (const target of targets) await set(target, 'unhealthy');
    await becomes(['UNHEALTHY', 'UNHEALTHY']);
    const answer = await fetch(`${nodes[0]?.proxy}/pair`);
    expect(answer.status).to.equal(503);
    expect(await answer.json()).to.deep.equal({
      message: 'failure to get a peer from the ring-balancer',
      request_id: answer.headers.get('x-request-id'),
    });
    for (const target of targets) await set(target, 'healthy');
    await becomes(['HEALTHY', 'HEALTHY']);
  });

  it('is not known of nodes that are not connected', async () => {
    await nodes.at(1)?.stop();
    await waitFor(async () => (await shown())[0]?.nodes.healthy === 1, { what: 'one node' });
    await nodes.at(0)?.stop();
    await becomes(['HEALTHCHECKS_OFF', 'HEALTHCHECKS_OFF']);
  });
});

describe('the health of targets of one process', function () {
  this.timeout(60_000);
  const closing = new Closing();
  afterEach(() => closing.close());
  const target = '127.0.0.1:9';

  async function dbless(): Promise<string> {
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const upstreams = [{ name: 'one', targets: [{ target }] }];
    const services = [{ name: 'one', host: 'one', routes: [{ paths: ['/one'] }] }];
    const file = `${folder.path}/config.json`;
    await writeFile(file, JSON.stringify({ _format_version: '3.0', upstreams, services }));
    const node = await runDbless([`--declarative-config=${file}`]);
    closing.add(() => node.stop());
    return node.admin;
  }

  async function traditional(): Promise<string> {
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const listeners = ['admin', 'proxy', 'status'].map((name) => `--${name}-listen=127.0.0.1:0`);
    const database = `--database=${folder.path}/control-plane.db`;
    const node = runSluice(['start', '--role=traditional', database, '--log-format=json', ...listeners]);
    closing.add(() => node.stop());
    await node.line((line) => line.event === 'ready');
    const base = `http://${node.address('admin')}`;
    await adminOk(base, 'PUT', '/upstreams/one', {});
    await adminOk(base, 'POST', '/upstreams/one/targets', { target });
    await adminOk(base, 'PUT', '/services/one', { host: 'one' });
    await adminOk(base, 'PUT', '/services/one/routes/one?wait=applied', { paths: ['/one'] });
    return base;
  }

  for (const [role, start] of [
    ['dbless', dbless],
    ['traditional', traditional],
  ] as const) {
    it(`is known and can be set: ${role}`, async () => {
      const base = await start();
      const read = async () => (await adminOk(base, 'GET', '/upstreams/one/health')).data?.[0];
      expect(await read()).to.deep.include({ health: 'HEALTHCHECKS_OFF', nodes: { healthy: 1, unhealthy: [] } });
      expect((await admin(base, 'PUT', `/upstreams/one/targets/${target}/unhealthy`)).status).to.equal(204);
      expect(await read()).to.include({ health: 'UNHEALTHY' });
    });
  }
});
