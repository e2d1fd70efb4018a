import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { settingsTable } from '../../../shared/settings/settings-table.ts';
import { flagOf } from '../../../shared/settings/setting-sources.ts';
import { freePort } from '../../helpers/free-port.ts';

const bin = fileURLToPath(new URL('../../../control-plane/cli/sluice.js', import.meta.url));

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sluice(...args: string[]): Promise<Finished> {
  return sluiceWith({}, ...args);
}

function sluiceWith(variables: NodeJS.ProcessEnv, ...args: string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { timeout: 20_000, env: { ...process.env, ...variables } };
    const child = execFile(process.execPath, [bin, ...args], options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

describe('the command line', function () {
  this.timeout(30_000);

  it('prints its version', async () => {
    const { code, stdout } = await sluice('--version');
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    expect(code).to.equal(0);
  });

  it('prints help with every command and exit code', async () => {
    const { code, stdout } = await sluice('--help');
    expect(stdout).to.include('start').and.include('quickstart').and.include('services').and.include('nodes');
    expect(stdout).to.include('Exit codes');
    expect(code).to.equal(0);
  });

  it('names the commands of config in its help', async () => {
    const { code, stdout } = await sluice('config', '--help');
    expect(stdout).to.include('validate').and.include('import').and.include('export');
    expect(code).to.equal(0);
  });

  it('runs by npm exec', async () => {
    const options = { timeout: 20_000, cwd: fileURLToPath(new URL('../../../..', import.meta.url)) };
    const version = await new Promise<string>((resolve) => {
      execFile('npm', ['exec', 'sluice', '--', '--version'], options, (_error, stdout) => resolve(stdout));
    });
    expect(version).to.equal((await sluice('--version')).stdout);
  });

  it('names every setting with its default in the help of start', async () => {
    const { code, stdout } = await sluice('start', '--help');
    for (const [name, row] of Object.entries(settingsTable)) {
      expect(stdout).to.include(`  ${flagOf(name)} `);
      if (row.default !== undefined) expect(stdout).to.include(`default: ${row.default}`);
    }
    expect(code).to.equal(0);
  });

  it('gives wrong settings exit code 2, all of them at once', async () => {
    const { code, stderr } = await sluice('start', '--role=control_plane', '--log-level=loud', '--databse', 'x');
    expect(stderr).to.include('log_level: expected one of').and.include('did you mean --database?');
    expect(code).to.equal(2);
  });

  for (const args of [
    [],
    ['unknown'],
    ['config'],
    ['config', 'validate'],
    ['services'],
    ['services', 'jump'],
    ['quickstart', '--data-planes', '0'],
    ['nodes', '--x'],
    ['nodes', '--offline'],
    ['nodes', '--watch', '--check'],
    ['nodes', 'wait'],
    ['nodes', 'adopt'],
    ['nodes', 'adopt', 'id', '--all'],
    ['nodes', 'forget'],
  ]) {
    it(`gives "${args.join(' ')}" exit code 2`, async () => {
      expect((await sluice(...args)).code).to.equal(2);
    });
  }

  it('lists nodes over several pages, with the token', async () => {
    const tokens = new Set<unknown>();
    const server = createServer((request, response) => {
      tokens.add(request.headers['kong-admin-token']);
      const second = request.url?.includes('offset') ?? false;
      const node = { id: second ? 'b' : 'a', hostname: 'h', version: '1', state: 'in_sync', last_seen: 0 };
      const hashes = { applied_hash: '0123456789abcdef', expected_hash: null };
      const next = second ? null : '/clustering/data-planes?offset=x';
      const errors = [{ entity_type: 'plugin', entity_name: 'mine', field: 'config.topic', message: 'no such topic' }];
      const row = { plugin: 'new', field: null, action: 'removed', reason: 'it is too new' };
      const rejected = second
        ? { apply_ms: 7.4, rejected: { errors }, compatibility: Array.from({ length: 6 }, () => row) }
        : {};
      response.end(JSON.stringify({ data: [{ ...node, ...hashes, ...rejected }], next }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const { code, stdout } = await sluice('nodes', '--admin', `http://127.0.0.1:${port}`, '--token', 'secret');
      const lines = stdout.trimEnd().split('\n');
      expect(lines).to.have.length(9);
      expect(lines[1]).to.match(/^h +a +in_sync +0s +\d+d +0123456789ab +- +- +- +-$/);
      expect(lines[2]).to.match(/^h +b +in_sync /);
      expect(lines.slice(3, 5)).to.deep.equal([
        '  rejected: plugin mine config.topic: no such topic',
        '  removed: new: it is too new',
      ]);
      expect(lines.at(-1)).to.equal('  and 2 more');
      expect([...tokens]).to.deep.equal(['secret']);
      expect(code).to.equal(0);
      const held = { TOKEN_HOLDER: 'held elsewhere' };
      const address = `http://127.0.0.1:${port}`;
      const quiet = await sluiceWith(held, 'nodes', '--admin', address, '--token', 'env:TOKEN_HOLDER');
      expect(quiet.stderr).to.equal('');
      expect(tokens).to.include('held elsewhere');
      tokens.delete('held elsewhere');
      const missing = await sluice('nodes', '--admin', address, '--token', 'file:/no/such/file');
      expect(missing).to.include({ code: 1, stderr: 'the file /no/such/file cannot be read: there is no such file\n' });
      const variables = { SLUICE_ADMIN: `http://127.0.0.1:${port}`, SLUICE_ADMIN_TOKEN: 'of the environment' };
      expect((await sluiceWith(variables, 'nodes')).stdout).to.equal(stdout);
      expect([...tokens]).to.deep.equal(['secret', 'of the environment']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('names the address that does not answer, exit code 1', async () => {
    const { code, stderr } = await sluice('nodes', '--admin', `http://127.0.0.1:${await freePort()}`);
    expect(stderr).to.include('ECONNREFUSED');
    expect(code).to.equal(1);
  });
});
