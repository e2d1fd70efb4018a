import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { adminOk } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { testKafka } from '../helpers/kafka.ts';
import { testRegistry } from '../helpers/registry.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const bin = fileURLToPath(new URL('../../control-plane/cli/sluice.js', import.meta.url));

interface Quickstart {
  readonly output: () => string;
  /** SIGINT to the whole group, twice in a row, as a terminal and npm send it. */
  pressCtrlC(): Promise<number | null>;
}

async function startQuickstart(folder: string, closing: Closing): Promise<Quickstart> {
  const args = ['quickstart', '--data-planes=2', `--data=${folder}`];
  const child = spawn(process.execPath, [bin, ...args, `--kafka=${testKafka()}`, `--registry=${testRegistry()}`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const closed = once(child, 'close');
  closing.add(() => {
    if (child.exitCode === null) child.kill('SIGKILL');
    return closed;
  });
  await waitFor(() => output.includes('curl') && output.includes('422'), {
    timeoutMs: 60_000,
    what: 'the printed block',
  });
  return {
    output: () => output,
    async pressCtrlC() {
      process.kill(-(child.pid ?? 0), 'SIGINT');
      child.kill('SIGINT');
      await closed;
      return child.exitCode;
    },
  };
}

/** Processes whose command line names the folder. */
function processesOf(folder: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return command.includes(folder) ? [command] : [];
    } catch {
      return [];
    }
  });
}

/** Runs a printed command line as a user would. */
async function runPrinted(line: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', line]);
  return stdout;
}

describe('sluice quickstart', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let folder: string;

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
  });
  after(() => closing.close());

  it('prints curl lines that do what they say; Ctrl-C leaves no process; a second start has its data', async () => {
    const first = await startQuickstart(folder, closing);
    const [good = '', bad = ''] = first.output().match(/^\s*curl .*$/gm) ?? [];
    expect(await runPrinted(good)).to.match(/^HTTP\/1.1 200 [\s\S]*"outcome":"acked"/);
    expect(await runPrinted(bad)).to.match(/^HTTP\/1.1 422 [\s\S]*"pointer":"\/quantity"/);
    const admin = /Admin API\s+(\S+)/.exec(first.output())?.[1] ?? '';
    const { data: nodes = [] } = await adminOk(admin, 'GET', '/clustering/data-planes');
    expect(nodes.map((node) => node['state'])).to.deep.equal(['in_sync', 'in_sync']);
    await adminOk(admin, 'POST', '/routes', { name: 'mine', paths: ['/mine'] });
    expect(await first.pressCtrlC()).to.equal(0);
    expect(processesOf(folder)).to.deep.equal([]);

    const second = await startQuickstart(folder, closing);
    const again = /Admin API\s+(\S+)/.exec(second.output())?.[1] ?? '';
    expect(await adminOk(again, 'GET', '/routes/mine')).to.include({ name: 'mine' });
    const { data: same = [] } = await adminOk(again, 'GET', '/clustering/data-planes');
    expect(same.map((node) => node['id'])).to.have.members(nodes.map((node) => node['id']));
    expect(await second.pressCtrlC()).to.equal(0);
    expect(processesOf(folder)).to.deep.equal([]);
  });
});
