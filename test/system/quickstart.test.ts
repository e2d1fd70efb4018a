import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { adminOk } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { runQuickstart } from '../helpers/quickstart.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

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

  it('prints working curl lines, leaves no process after Ctrl-C, and keeps its data for a second start', async () => {
    const first = await runQuickstart(closing, folder);
    const [good = '', bad = ''] = first.output().match(/^\s*curl .*$/gm) ?? [];
    expect(await runPrinted(good)).to.match(/^HTTP\/1.1 200 [\s\S]*"outcome":"acked"/);
    expect(await runPrinted(bad)).to.match(/^HTTP\/1.1 422 [\s\S]*"pointer":"\/quantity"/);
    const admin = /Admin API\s+(\S+)/.exec(first.output())?.[1] ?? '';
    const { data: nodes = [] } = await adminOk(admin, 'GET', '/clustering/data-planes');
    expect(nodes.map((node) => node['state'])).to.deep.equal(['in_sync', 'in_sync']);
    await adminOk(admin, 'POST', '/routes', { name: 'mine', paths: ['/mine'] });
    expect(await first.pressCtrlC()).to.equal(0);
    expect(processesOf(folder)).to.deep.equal([]);

    const second = await runQuickstart(closing, folder);
    const again = /Admin API\s+(\S+)/.exec(second.output())?.[1] ?? '';
    expect(await adminOk(again, 'GET', '/routes/mine')).to.include({ name: 'mine' });
    const { data: same = [] } = await adminOk(again, 'GET', '/clustering/data-planes');
    expect(same.map((node) => node['id'])).to.have.members(nodes.map((node) => node['id']));
    expect(await second.pressCtrlC()).to.equal(0);
    expect(processesOf(folder)).to.deep.equal([]);
  });
});
