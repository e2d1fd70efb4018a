import { expect } from 'chai';
import { createRefusalLog } from '../../../control-plane/sync/refusal-log.ts';
import { createLogger } from '../../../shared/log.ts';

describe('the log of refused peers', () => {
  const make = () => {
    let nowMs = 0;
    const lines: { readonly level: string; readonly repeated?: number }[] = [];
    const logger = createLogger({
      level: 'debug',
      format: 'json',
      write: (line) => lines.push(JSON.parse(line) as { level: string }),
    });
    const log = createRefusalLog(logger, () => nowMs);
    return { log, warnings: () => lines.filter(({ level }) => level === 'warn'), pass: (ms: number) => (nowMs += ms) };
  };

  it('warns once in ten minutes about the same address and reason, and counts the rest', () => {
    const { log, warnings, pass } = make();
    for (let times = 0; times < 50; times += 1) log.add('10.0.0.1', 'no');
    expect(warnings()).to.have.length(1);
    log.add('10.0.0.2', 'no');
    log.add('10.0.0.1', 'other');
    expect(warnings()).to.have.length(3);
    pass(10 * 60_000);
    log.add('10.0.0.1', 'no');
    expect(warnings()).to.have.length(4);
    expect(warnings().at(-1)?.repeated).to.equal(49);
  });

  it('remembers a bounded number of addresses and reasons', () => {
    const { log, warnings } = make();
    for (let peer = 0; peer < 2_000; peer += 1) log.add(String(peer), 'no');
    log.add('1999', 'no');
    expect(warnings()).to.have.length(2_000);
    log.add('0', 'no');
    expect(warnings()).to.have.length(2_001);
  });
});
