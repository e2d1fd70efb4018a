import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { adminOk } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { runControlPlane } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const bin = fileURLToPath(new URL('../../control-plane/cli/sluice.js', import.meta.url));
const run = promisify(execFile);

/** The first block of shell after a line of the README that begins so. */
function shellAfter(readme: string, line: string): string {
  const start = readme.indexOf(`\n${line}`);
  if (start < 0) throw new Error(`the README has no line '${line}'`);
  const [, block] = /```sh\n(.*?)\n```/s.exec(readme.slice(start)) ?? [];
  if (block === undefined) throw new Error(`no shell after '${line}'`);
  return block;
}

describe('the pages of the README', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let folder: string;
  let readme: string;
  let base: string;

  beforeEach(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    readme = await readFile(fileURLToPath(new URL('../../../README.md', import.meta.url)), 'utf8');
    const controlPlane = await runControlPlane({ folder });
    closing.add(() => controlPlane.stop());
    base = controlPlane.admin;
  });
  afterEach(() => closing.close());

  /** Runs a block as it stands, but for the address; a refused call fails it. */
  async function shell(block: string): Promise<string> {
    const script = [
      'set -euo pipefail',
      'curl() { command curl -sS --fail-with-body "$@"; }',
      `sluice() { "${process.execPath}" "${bin}" "$@"; }`,
      `ADMIN=${base}`,
      block.replace(/^ADMIN=.*$/m, ''),
    ].join('\n');
    const env = { ...process.env, SLUICE_ADMIN: base };
    const { stdout } = await run('bash', ['-c', script], { cwd: folder, env });
    return stdout;
  }
  const list = async (path: string) => (await adminOk(base, 'GET', path)).data ?? [];

  it('curl: does what it says, twice', async () => {
    const page = shellAfter(readme, 'A whole example with curl');
    for (const _time of [1, 2]) await shell(page);
    expect(await list('/certificates')).to.deep.equal([]);
    expect(
      (await list('/upstreams/backend/targets')).map(({ target, weight }) => [target, weight]),
    ).to.have.deep.members([
      ['10.0.0.1:8080', 100],
      ['10.0.0.2:8080', 50],
    ]);
    expect(await list('/routes/orders/plugins')).to.have.length(1);
    expect(await list('/consumers/alice/key-auth')).to.have.length(1);
    expect(await list('/tags/shop')).to.have.length(9);
  });

  it('declarative files: the same example, loaded, exported, and loaded again without a change', async () => {
    // The certificate is made on the page before.
    const certificate = shellAfter(readme, 'A whole example with curl').match(/^openssl.*$/m)?.[0] ?? '';
    const page = shellAfter(readme, '### Declarative files');
    const first = await shell(`${certificate} 2>&1\n${page}`);
    expect(first).to.include('no faults').and.include('"created":0,"updated":0,"deleted":0');
    expect(await list('/certificates')).to.have.length(1);
    expect((await list('/services/backend/routes')).map(({ name }) => name)).to.deep.equal(['items']);
    expect(await list('/routes/orders/plugins')).to.have.length(1);
    const again = await shell('sluice config import backup.yaml');
    expect(again).to.match(/^0 to create, 0 to update, 0 to delete/);
  });
});
