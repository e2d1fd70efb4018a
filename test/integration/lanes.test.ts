import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { Lanes, type LanesOptions } from '../lanes.ts';
import type { Counts } from '../reporter.ts';

const mocha = fileURLToPath(new URL('../../../node_modules/mocha/bin/mocha.js', import.meta.url));
const reporter = fileURLToPath(new URL('../reporter.js', import.meta.url));

interface Run {
  readonly counts: Counts;
  readonly lines: readonly string[];
}

/** Runs each source as a group of its own, named after its place. */
async function run(
  sources: readonly string[],
  {
    during,
    ...options
  }: Partial<LanesOptions> & { readonly during?: (lanes: Lanes, lines: readonly string[]) => Promise<void> } = {},
): Promise<Run> {
  const folder = await tempFolder();
  try {
    const lines: string[] = [];
    const groups = sources.map((_source, index) => ({
      name: `group ${index}`,
      files: [join(folder.path, `${index}.test.mjs`)],
    }));
    for (const [index, source] of sources.entries()) {
      await writeFile(join(folder.path, `${index}.test.mjs`), source);
    }
    const lanes = new Lanes({
      groups,
      lanes: 2,
      mocha: [mocha, '--reporter', reporter, '--reporter-option', 'endTimeoutMs=500'],
      env: process.env,
      timeoutMs: 50_000,
      print: (line) => lines.push(line),
      ...options,
    });
    const [counts] = await Promise.all([lanes.run(), during?.(lanes, lines)]);
    return { counts, lines };
  } finally {
    await folder.remove();
  }
}

const good = `describe('s', () => { it('a', () => {}); it.skip('later', () => {}); });`;
const endless = `describe('endless', () => { before(() => console.log('begun')); it('waits', (done) => { setTimeout(done, 3e5); }).timeout(4e5); });`;

describe('the lanes of the suite', function () {
  this.timeout(60_000);

  it('sum the counts of all processes', async () => {
    const { counts, lines } = await run([good, good, good]);
    expect(counts).to.deep.equal({ passes: 3, failures: 0, pending: 3 });
    const totals = lines.filter((line) => line.includes('1 passed, 0 failed, 1 skipped'));
    expect(totals).to.have.lengthOf(3);
    expect(totals.every((line) => /^\[group \d\] .*\(\d+ s\)$/.test(line))).to.equal(true);
  });

  it('print every failure in full at the end, under the name of its group', async () => {
    const bad = (why: string) => `describe('s', () => { it('bad', () => { throw new Error('${why}'); }); });`;
    const { counts, lines } = await run([bad('first reason'), good, bad('second reason')]);
    expect(counts).to.deep.equal({ passes: 1, failures: 2, pending: 1 });
    const lastResult = lines.findLastIndex((line) => /^\[group \d\] \d/.test(line));
    const end = lines.slice(lastResult + 1).join('\n');
    expect(end).to.match(/\[group 0\]\n[\s\S]*first reason[\s\S]*\[group 2\]\n[\s\S]*second reason/);
    expect(end).not.to.include('[group 1]');
  });

  const faults: readonly (readonly [string, string, RegExp])[] = [
    [
      'dies',
      `it('dies', () => { process.kill(process.pid, 'SIGKILL'); });`,
      /was ended by SIGKILL and printed no totals/,
    ],
    ['exits without totals', `it('exits', () => { process.exit(0); });`, /ended with code 0 and printed no totals/],
    ['cannot load a file', `import './absent.mjs';`, /ended with code 1 and printed no totals/],
    [
      'ends with another code than its totals say',
      `process.on('exit', () => { setTimeout(() => {}); process.reallyExit(3); }); it('passes', () => {});`,
      /ended with code 3\.$/,
    ],
    [
      'does not end by itself',
      `import { createServer } from 'node:net'; it('leaks', () => { createServer().listen(0); });`,
      /TCPServerWrap/,
    ],
  ];
  for (const [what, source, told] of faults) {
    it(`count a process that ${what} as a failure and say so`, async () => {
      const { counts, lines } = await run([source]);
      expect(counts.failures).to.equal(1);
      expect(
        lines.some((line) => told.test(line)),
        lines.join('\n'),
      ).to.equal(true);
    });
  }

  it('pass a signal on to the processes, begin no other, and count the end as a failure', async () => {
    const { counts, lines } = await run([endless, endless, good], {
      during: async (lanes, printed) => {
        await waitFor(() => printed.filter((line) => line === 'begun').length === 2, { what: 'both tests' });
        lanes.end('SIGTERM', 'it received SIGTERM');
      },
    });
    expect(counts).to.deep.equal({ passes: 0, failures: 3, pending: 0 });
    expect(lines.at(-1)).to.equal('The run was ended: it received SIGTERM.');
    expect(lines.join('\n')).not.to.include('[group 2]');
  });

  it('end the processes at the deadline', async () => {
    const { counts, lines } = await run([endless], { timeoutMs: 2_000 });
    expect(counts.failures).to.equal(2);
    expect(lines.at(-1)).to.match(/^The run was ended: it took longer than /);
  });
});
