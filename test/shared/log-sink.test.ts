import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { createLogSink, droppedLogLines } from '../../shared/log-sink.ts';
import { Closing } from '../helpers/closing.ts';
import { waitFor } from '../helpers/wait-for.ts';

describe('the sink of the log', function () {
  this.timeout(20_000);
  const closing = new Closing();
  afterEach(() => closing.close());

  it('holds a bounded number of bytes for a stalled reader, counts the rest and reports it', async () => {
    const stream = new PassThrough({ highWaterMark: 10 });
    const told: number[] = [];
    const sink = createLogSink(stream, { bytesMax: 100, onDropped: (lines) => told.push(lines) });
    const before = droppedLogLines();
    for (let line = 0; line < 50; line += 1) sink.write('0123456789');
    expect(stream.writableLength).to.be.at.most(100);
    expect(droppedLogLines() - before).to.be.within(35, 45);
    expect(told).to.deep.equal([]);
    stream.resume();
    await waitFor(() => told.length > 0, { what: 'the report' });
    expect(told).to.deep.equal([droppedLogLines() - before]);
    sink.write('again');
    expect(told).to.have.length(1);
  });

  it('survives a reader that has closed', async () => {
    const stream = new PassThrough();
    const sink = createLogSink(stream, { onDropped: () => undefined });
    stream.destroy(new Error('EPIPE'));
    await waitFor(() => stream.closed, { what: 'the end', pollMs: 1 });
    const before = droppedLogLines();
    sink.write('nobody reads this');
    expect(droppedLogLines() - before).to.equal(1);
  });

  describe('of a process', () => {
    /** Logs 8 MB at once, then answers each byte of its standard input with one on standard error. */
    const script = `
      const { createLogger } = await import(${JSON.stringify(new URL('../../shared/log.js', import.meta.url).href)});
      const logger = createLogger({ level: 'debug', format: process.argv[1], });
      for (let line = 0; line < 8_000; line += 1) logger.debug('many', 'x'.repeat(1_000), { line });
      process.stdin.on('data', () => process.stderr.write('.'));
      process.on('SIGTERM', () => { logger.info('stopped', 'stopped'); process.exit(0); });
      process.stderr.write('up');
    `;

    for (const format of ['json', 'pretty']) {
      it(`holds neither work nor SIGTERM while nobody reads its ${format} lines`, async () => {
        const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script, format]);
        closing.add(() => void child.kill('SIGKILL'));
        let said = '';
        child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
        await waitFor(() => said === 'up', { what: 'the process', timeoutMs: 10_000 });
        child.stdin?.write('x');
        await waitFor(() => said === 'up.', { what: 'the answer' });
        child.kill('SIGTERM');
        const [code] = (await once(child, 'exit')) as [number | null];
        expect(code).to.equal(0);
      });
    }

    it('reports how many lines were dropped once somebody reads', async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, 'json']);
      closing.add(() => void child.kill('SIGKILL'));
      await once(child.stderr, 'data');
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await waitFor(() => text.includes('log_lines_dropped'), { what: 'the report' });
      // A border: the line is the logger's.
      const line = JSON.parse(text.split('\n').find((each) => each.includes('log_lines_dropped')) ?? '') as {
        lines: number;
        level: string;
      };
      expect(line.level).to.equal('warn');
      expect(line.lines + text.split('\n').filter((each) => each.includes('"many"')).length).to.equal(8_000);
    });
  });
});
