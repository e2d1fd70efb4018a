import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { tempFolder } from '../helpers/temp-folder.ts';

const mocha = fileURLToPath(new URL('../../../node_modules/mocha/bin/mocha.js', import.meta.url));
const reporter = fileURLToPath(new URL('../reporter.js', import.meta.url));

async function runSuite(source: string): Promise<{ code: number; lines: string[] }> {
  const folder = await tempFolder();
  try {
    const file = join(folder.path, 'suite.test.mjs');
    await writeFile(file, source);
    return await new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [mocha, '--reporter', reporter, '--reporter-option', 'endTimeoutMs=500', file],
        { timeout: 60_000 },
        (_e, stdout) => {
          resolve({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n') });
        },
      );
    });
  } finally {
    await folder.remove();
  }
}

describe('the reporter', function () {
  this.timeout(60_000);

  it('ends with the counts', async () => {
    const { code, lines } = await runSuite(`describe('s', () => { it('a', () => {}); it('b', () => {}); });`);
    expect(lines.at(-1)).to.equal('2 passed, 0 failed');
    expect(code).to.equal(0);
  });

  it('counts failures and skipped tests, and names them', async () => {
    const { code, lines } = await runSuite(
      `describe('s', () => { it('good', () => {}); it('bad', () => { throw new Error('why'); }); it.skip('later', () => {}); });`,
    );
    expect(lines.at(-1)).to.equal('1 passed, 1 failed, 1 skipped');
    expect(lines.join('\n')).to.include('FAILED s bad: why').and.include('skipped s later');
    expect(code).to.equal(1);
  });

  it('fails a process that does not end, naming what is open', async () => {
    const { code, lines } = await runSuite(
      `import { createServer } from 'node:net'; it('leaks', () => { createServer().listen(0); });`,
    );
    expect(lines.at(-1)).to.equal('1 passed, 1 failed');
    expect(lines.join('\n')).to.include('TCPServerWrap').and.include('listening=true');
    expect(code).to.equal(1);
  });
});
