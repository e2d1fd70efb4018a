import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { type Quickstart, runQuickstart } from '../helpers/quickstart.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { settingsPage } from './settings-page.ts';
import { blocksOf, pagePaths, pageText, root, type Block } from './pages.ts';

const run = promisify(execFile);
/** Marks of shell blocks that are parsed and not run, each with what it needs. */
const parsedMarks = ['terminal', 'repository', 'docker', 'kubernetes', 'systemd'];
/** The mark of a block whose requests are to be refused; the others are to succeed. */
const refusedMark = 'refused';
const shellBlocks = (path: string) => blocksOf(path).filter(({ language }) => language === 'sh');

describe('the pages of the documentation', function () {
  this.timeout(180_000);

  it('README.md has fewer than 200 lines', () => {
    expect(pageText('README.md').split('\n').length).to.be.below(200);
  });

  it('docs/settings.md is what `npm run docs` makes of the table of settings', () => {
    expect(pageText('docs/settings.md')).to.equal(settingsPage());
  });

  it('links lead to files and headings that exist', () => {
    const broken: string[] = [];
    for (const path of pagePaths()) {
      for (const [, target = ''] of pageText(path).matchAll(/\]\((?!https?:|#)([^)\s]+)\)/g)) {
        const [file = '', anchor] = target.split('#');
        const linked = normalize(join(dirname(path), file));
        if (!existsSync(join(root, linked))) broken.push(`${path} -> ${target}`);
        else if (anchor !== undefined && !anchorsOf(linked).has(anchor)) broken.push(`${path} -> ${target}`);
      }
    }
    expect(broken).to.deep.equal([]);
  });

  it('shell blocks that are not run are marked with the reason, parse, and name scripts that exist', async () => {
    const packageJson: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const scripts = Object.keys((packageJson as { scripts: Record<string, string> }).scripts);
    for (const block of pagePaths().flatMap(shellBlocks)) {
      if (isRun(block)) continue;
      expect(parsedMarks, block.place).to.include(block.mark);
      await run('bash', ['-n', '-c', block.text]);
      for (const [, script = ''] of block.text.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)) {
        expect(scripts, block.place).to.include(script);
      }
    }
  });

  describe('commands, as they stand, against the addresses of a quickstart', () => {
    const closing = new Closing();
    let folder: string;
    let quickstart: Quickstart | undefined;

    before(async () => {
      const temp = await tempFolder();
      closing.add(() => temp.remove());
      folder = temp.path;
      quickstart = await runQuickstart(closing, join(folder, 'sluice-data'));
    });
    after(async () => {
      await quickstart?.pressCtrlC();
      await closing.close();
    });

    for (const path of pagePaths()) {
      const blocks = shellBlocks(path).filter(isRun);
      if (blocks.length === 0) continue;
      it(`${path}: every command succeeds, twice`, async () => {
        for (const _time of [1, 2]) await runBlocks(blocks, folder);
      });
    }
  });
});

function isRun({ mark }: Block): boolean {
  return mark === '' || mark === refusedMark;
}

/** Runs the blocks of a page in one shell; a command that fails or a request that is refused fails the page. */
async function runBlocks(blocks: readonly Block[], folder: string): Promise<void> {
  const script = [
    'set -euo pipefail',
    '. sluice-data/addresses.sh',
    'accepted() { command curl -sS --max-time 30 --fail-with-body "$@"; }',
    // curl ends with 22 when the status is 400 or above.
    'refused() { local code=0; accepted "$@" || code=$?; [ $code = 22 ]; }',
    ...blocks.map(({ place, mark, text }) => {
      const requests = mark === refusedMark ? 'refused' : 'accepted';
      return `echo '# ${place}'\ncurl() { ${requests} "$@"; }\n${text}`;
    }),
  ].join('\n');
  try {
    await run('bash', ['-c', script], { cwd: folder, timeout: 120_000, maxBuffer: 1 << 24 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${stdout.slice(-2000)}\n${stderr.slice(-2000)}`, { cause: error });
  }
}

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const headings = [...pageText(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
