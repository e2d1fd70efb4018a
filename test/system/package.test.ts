import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const run = promisify(execFile);
const isLong = process.env['SLUICE_TEST_FAULTS'] === 'long';
/** The user that Linux calls nobody. */
const nobody = 65_534;

/**
 * The steps of the images without Docker: the package as npm makes it, in a folder of its own that nobody may write to, run
 * by another user. The long form installs the package's dependencies as npm does; the short one uses those of the
 * repository.
 */
describe('the package', function () {
  this.timeout(isLong ? 600_000 : 60_000);
  const closing = new Closing();
  let folder: string;
  let bin: string;
  let paths: string[];

  before(async () => {
    const temp = await tempFolder();
    closing.add(async () => {
      await run('chmod', ['-R', 'u+w', temp.path]);
      await temp.remove();
    });
    folder = temp.path;
    await chmod(folder, 0o755);
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]);
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    paths = files.map(({ path }) => path);
    const home = join(folder, 'app');
    await mkdir(home);
    if (isLong) {
      await writeFile(join(home, 'package.json'), '{"private":true}');
      await run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', join(folder, filename)], { cwd: home });
      bin = join(home, 'node_modules/sluice/dist/control-plane/cli/sluice.js');
    } else {
      await run('tar', ['-xzf', join(folder, filename), '-C', home]);
      await symlink(resolve('node_modules'), join(home, 'package/node_modules'));
      bin = join(home, 'package/dist/control-plane/cli/sluice.js');
    }
    await run('chmod', ['-R', 'a-w', home]);
  });
  after(() => closing.close());

  it('holds what runs, and nothing else', () => {
    expect(paths).to.include.members([
      'package.json',
      'README.md',
      'LICENSE',
      'proto/config_sync.proto',
      'dist/control-plane/cli/sluice.js',
      'dist/control-plane/console/index.html',
      'dist/data-plane/main.js',
    ]);
    const others = paths.filter((path) => !/^(dist\/(control-plane|data-plane|shared)|proto)\//.test(path));
    expect(others).to.have.members(['package.json', 'README.md', 'LICENSE', 'docker-compose.yml', 'docs/CHANGELOG.md']);
  });

  it('runs as another user, who may write to its data folder alone', async function () {
    if (process.getuid?.() !== 0) {
      this.skip();
      return;
    }
    // The folders above the repository may be closed to other users.
    const canRead = spawnSync('test', ['-r', resolve('node_modules/fastify/package.json')], {
      uid: nobody,
      gid: nobody,
    });
    if (!isLong && canRead.status !== 0) {
      this.skip();
      return;
    }
    const data = join(folder, 'data');
    await mkdir(data);
    await run('chown', ['-R', `${nobody}:${nobody}`, data]);
    const child = spawn(
      process.execPath,
      [
        bin,
        'start',
        '--role=traditional',
        `--database=${data}/sluice.db`,
        '--admin-listen=127.0.0.1:0',
        '--proxy-listen=127.0.0.1:0',
        '--proxy-listen-tls=off',
        '--status-listen=127.0.0.1:0',
        '--log-format=json',
      ],
      {
        uid: nobody,
        gid: nobody,
        cwd: '/',
        env: { PATH: process.env['PATH'] ?? '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const ended = once(child, 'close');
    closing.add(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    let output = '';
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    const ready = new Promise<string>((done, fail) => {
      let admin = '';
      createInterface({ input: child.stdout }).on('line', (line) => {
        output += `${line}\n`;
        const { event, what, address } = JSON.parse(line) as { event?: string; what?: string; address?: string };
        if (event === 'listening' && what === 'admin') admin = address ?? '';
        if (event === 'ready') done(admin);
      });
      child.once('close', () => fail(new Error(output)));
    });
    const admin = await ready;
    expect((await fetch(`http://${admin}/status`)).status).to.equal(200);
    const page = await fetch(`http://${admin}/console/`);
    expect([page.status, await page.text()].join(' ')).to.match(/^200 [\s\S]*<script/);
    child.kill('SIGTERM');
    const [code] = (await ended) as [number | null];
    expect(code, output).to.equal(0);
    expect((await readdir(data)).some((name) => name.startsWith('sluice.db'))).to.equal(true);
  });
});
