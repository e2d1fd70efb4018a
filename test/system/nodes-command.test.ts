import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { adminOk } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
  runSluice,
} from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

describe('sluice nodes', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let controlPlane: ControlPlaneProcess;
  let node: DataPlaneProcess;
  let id: string;
  let folder: string;

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    await adminOk(controlPlane.admin, 'PUT', '/routes/r', { name: 'r', paths: ['/r'] });
    node = await runDataPlane({
      folder: `${temp.path}/node`,
      controlPlane: controlPlane.cluster,
      args: ['--node-labels=zone=a'],
    });
    closing.add(() => node.stop());
  });
  after(() => closing.close());

  async function sluice(...args: string[]): Promise<{ code: number | null; output: string }> {
    const running = runSluice(['nodes', ...args], { env: { SLUICE_ADMIN: controlPlane.admin } });
    const code = await running.exited;
    return { code, output: running.output().trimEnd() };
  }

  it('waits until all nodes have applied', async () => {
    expect(await sluice('wait', '--applied', '--timeout=30s')).to.deep.equal({ code: 0, output: 'applied; nodes=1' });
  });

  it('writes a table, a wide one, and JSON', async () => {
    const table = await sluice();
    expect(table.output).to.match(/^HOSTNAME +ID +STATE +LAG +SEEN .*\n.* in_sync +0s +\d+s .* zone=a$/);
    expect((await sluice('-o', 'wide')).output).to.include('VERSION');
    const json = await sluice('-o', 'json');
    const [listed] = JSON.parse(json.output) as { id: string; state: string; behind_ms: number }[];
    expect(listed).to.include({ state: 'in_sync', behind_ms: 0 });
    id = listed?.id ?? '';
    expect([table.code, json.code]).to.deep.equal([0, 0]);
  });

  it('writes the table anew until a signal', async () => {
    const watching = runSluice(['nodes', '--watch', '--admin', controlPlane.admin]);
    closing.add(() => watching.kill('SIGKILL'));
    await waitFor(() => watching.output().split('HOSTNAME').length > 2, { what: 'a second table', timeoutMs: 20_000 });
    watching.kill('SIGINT');
    expect(await watching.exited).to.equal(0);
  });

  it('adopts nothing where no node follows another database', async () => {
    expect(await sluice('adopt', '--all')).to.deep.equal({
      code: 0,
      output: 'No connected node follows another database',
    });
    const { code, output } = await sluice('adopt', id);
    expect(output).to.equal(`${id} is not connected, or follows this control plane already`);
    expect(code).to.equal(1);
    expect((await sluice('adopt', 'no-uuid')).output).to.include("expected a list of UUIDs or 'all'");
  });

  it('fails its check, and its wait, for a destination that is not reached', async () => {
    expect((await sluice('--check', '--offline')).code).to.equal(0);
    const config = {
      bootstrap_servers: [{ host: '127.0.0.1', port: await freePort() }],
      topic: 't',
      cluster_name: 'gone',
    };
    await adminOk(controlPlane.admin, 'POST', '/routes/r/plugins', { name: 'kafka-upstream', config });
    await waitFor(async () => (await sluice('--check')).code === 1, { what: 'a failed check', timeoutMs: 60_000 });
    const { output } = await sluice('--check');
    expect(output)
      .to.match(/\n {2}unreachable: cluster gone: /)
      .and.match(/: unreachable gone/);
    const waited = await sluice('wait', '--applied', '--timeout=500ms');
    expect(waited.output).to.include('applied; nodes=1; unreachable=gone').and.include('not within 500 ms');
    expect(waited.code).to.equal(1);
  });

  it('imports a file and waits: exit 0 for what all nodes run and reach, else 1', async () => {
    const file = `${folder}/config.yaml`;
    const port = await freePort();
    const route = (plugins: string) =>
      writeFile(file, `_format_version: "3.0"\nroutes: [{name: r, paths: [/waited], plugins: [${plugins}]}]\n`);
    const load = async () => {
      const running = runSluice(['config', 'import', file, '--yes', '--wait', '--timeout=30s'], {
        env: { SLUICE_ADMIN: controlPlane.admin },
      });
      return { code: await running.exited, lines: running.output().trimEnd().split('\n') };
    };
    await route('');
    const good = await load();
    expect([good.lines.at(-2), good.lines.at(-1), good.code]).to.deep.equal(['imported', 'applied; nodes=1', 0]);
    const brokers = `bootstrap_servers: [{host: 127.0.0.1, port: ${port}}], cluster_name: away`;
    await route(`{name: kafka-upstream, config: {${brokers}, topic: t}}`);
    const unreached = await load();
    expect(unreached.lines.at(-1)).to.equal('applied; nodes=1; unreachable=away');
    expect(unreached.code).to.equal(1);
    const sasl = 'authentication: {strategy: sasl, mechanism: PLAIN, user: u, password: "{vault://env/NOT_HERE}"}';
    await route(`{name: kafka-upstream, config: {${brokers}, topic: t, ${sasl}}}`);
    const rejected = await load();
    expect(rejected.lines.at(-1)).to.equal(`rejected; node=${id}`);
    expect(rejected.code).to.equal(1);
    await route('');
    expect((await load()).code).to.equal(0);
  });

  it('forgets a node that is offline, and no other', async () => {
    const connected = await sluice('forget', id);
    expect(connected.output).to.equal(`The node ${id} is connected: stop it before you forget it`);
    expect(connected.code).to.equal(1);
    expect(await node.stop()).to.equal(0);
    await waitFor(async () => (await sluice('--check', '--offline')).output.includes(`${id}: offline`), {
      what: 'an offline node',
      timeoutMs: 30_000,
    });
    expect((await sluice('--check')).code).to.equal(0);
    expect(await sluice('forget', id)).to.deep.equal({ code: 0, output: `${id} is forgotten` });
    expect((await sluice('forget', id)).output).to.equal(`The control plane knows no node ${id}`);
    const none = await sluice('wait', '--applied', '--timeout=100ms');
    expect(none).to.deep.equal({ code: 1, output: 'none; nodes=0; not within 100 ms' });
  });
});
