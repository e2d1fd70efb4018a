import { randomBytes } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { admin, adminOk } from '../helpers/admin.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane, type SluiceProcess } from '../helpers/sluice-process.ts';
import { tempFolder, type TempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const hourMs = 3_600_000;

/** Real processes under what only they can suffer: SIGKILL, and clocks that are wrong. */
describe('the planes as processes', function () {
  this.timeout(240_000);
  let folder: TempFolder;
  const running: SluiceProcess[] = [];
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(async () => {
    for (const one of running) one.kill('SIGKILL');
    await Promise.all(running.splice(0).map(({ exited }) => exited));
    await folder.remove();
  });

  const started = <P extends SluiceProcess>(one: P): P => {
    running.push(one);
    return one;
  };
  const hashOf = async (node: DataPlaneProcess): Promise<unknown> =>
    ((await (await fetch(`${node.status}/status`)).json()) as Record<string, unknown>)['configuration_hash'];
  const views = async (base: string) => (await adminOk(base, 'GET', '/clustering/data-planes')).data ?? [];
  const allInSync = (base: string, count: number) =>
    waitFor(
      async () => {
        const all = await views(base);
        return all.length === count && all.every(({ state }) => state === 'in_sync') && all;
      },
      { what: 'all in sync', timeoutMs: 60_000 },
    );

  it('serve the last whole configuration when the control plane is killed while it pushes', async () => {
    const first = started(await runControlPlane({ folder: folder.path }));
    const node = started(await runDataPlane({ folder: join(folder.path, 'node'), controlPlane: first.cluster }));
    await allInSync(first.admin, 1);
    const [adminPort, clusterPort] = [first.admin, first.cluster].map((address) => Number(address.split(':').at(-1)));
    const known = new Set([await hashOf(node)]);
    let base = first.admin;
    let controlPlane: SluiceProcess = first;
    for (let round = 0; round < 2; round += 1) {
      // Large enough to be on its way for a while.
      const tags = Array.from({ length: 200 }, () => randomBytes(2_000).toString('hex'));
      await adminOk(base, 'PUT', `/consumers/c${round}`, { username: `c${round}`, tags });
      controlPlane.kill('SIGKILL');
      await controlPlane.exited;
      const meanwhile = await hashOf(node);
      const again = started(
        await runControlPlane({
          folder: folder.path,
          ...(adminPort !== undefined && { adminPort }),
          ...(clusterPort !== undefined && { clusterPort }),
        }),
      );
      controlPlane = again;
      base = again.admin;
      expect((await admin(base, 'GET', `/consumers/c${round}`)).status, 'the answered write').to.equal(200);
      const [view] = await allInSync(base, 1);
      known.add(view?.['expected_hash']);
      expect([...known], 'what ran meanwhile').to.include(meanwhile);
      expect(await hashOf(node)).to.equal(view?.['applied_hash']);
    }
  });

  it('follow a database restored from a copy, and distinguish it from the one before', async () => {
    const first = started(await runControlPlane({ folder: folder.path }));
    const node = started(await runDataPlane({ folder: join(folder.path, 'node'), controlPlane: first.cluster }));
    await adminOk(first.admin, 'PUT', '/services/s', { host: 'copied.example.test' });
    const [copied] = await allInSync(first.admin, 1);
    const [adminPort, clusterPort] = [first.admin, first.cluster].map((address) => Number(address.split(':').at(-1)));
    const run = async () =>
      started(await runControlPlane({ folder: folder.path, adminPort: adminPort ?? 0, clusterPort: clusterPort ?? 0 }));
    const etag = async () => (await admin(first.admin, 'GET', '/config')).headers.get('etag');
    expect(await first.stop()).to.equal(0);
    const database = join(folder.path, 'control-plane.db');
    copyFileSync(database, join(folder.path, 'copy.db'));

    const second = await run();
    await allInSync(second.admin, 1);
    await adminOk(second.admin, 'PUT', '/services/s?wait=applied&timeout=30s', { host: 'lost.example.test' });
    const lost = await etag();
    const [after] = await allInSync(second.admin, 1);
    expect(after?.['applied_hash']).to.not.equal(copied?.['applied_hash']);
    expect(await second.stop()).to.equal(0);
    copyFileSync(join(folder.path, 'copy.db'), database);

    const third = await run();
    await waitFor(async () => (await hashOf(node)) === copied?.['applied_hash'], {
      what: 'the configuration of the copy',
      timeoutMs: 60_000,
    });
    await allInSync(third.admin, 1);
    // As many writes as before, but others: a client that saw the lost write may not overwrite this one.
    await adminOk(third.admin, 'PUT', '/services/s', { host: 'new.example.test' });
    expect(await etag()).to.not.equal(lost);
    const stale = await fetch(`${third.admin}/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'if-match': lost ?? '' },
      body: '{"_format_version":"3.0"}',
    });
    expect(stale.status).to.equal(412);
    await allInSync(third.admin, 1);
  });

  it('agree despite wrong clocks of nodes', async () => {
    const controlPlane = started(await runControlPlane({ folder: folder.path }));
    for (const offsetMs of [hourMs, -hourMs]) {
      const shift = join(folder.path, `shift${offsetMs}.mjs`);
      writeFileSync(shift, `const now = Date.now; Date.now = () => now() + ${offsetMs};\n`);
      started(
        await runDataPlane({
          folder: join(folder.path, `node${offsetMs}`),
          controlPlane: controlPlane.cluster,
          env: { NODE_OPTIONS: `--import=${pathToFileURL(shift).href}` },
        }),
      );
    }
    await adminOk(controlPlane.admin, 'PUT', '/services/s?wait=applied&timeout=30s', { host: 'a.example.test' });
    const startSeconds = Date.now() / 1_000;
    for (const view of await allInSync(controlPlane.admin, 2)) {
      for (const field of ['last_seen', 'applied_at', 'updated_at']) {
        expect(Number(view[field]), field).to.be.closeTo(startSeconds, 600);
      }
      expect(view).to.include({ connected: true });
    }
  });
});
