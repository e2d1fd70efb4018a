import { expect } from 'chai';
import { prettyLine, wantsColor } from '../../shared/pretty-line.ts';
import { createLogger } from '../../shared/log.ts';

const time = new Date(2026, 0, 2, 3, 4, 5, 6).toISOString();

function line(fields: Readonly<Record<string, unknown>>, withColor = false): string {
  return prettyLine(
    JSON.stringify({ level: 'info', time, event: 'listening', msg: 'admin listens', ...fields }),
    withColor,
  );
}

describe('a pretty log line', () => {
  const rows: [name: string, fields: Readonly<Record<string, unknown>>, expected: string][] = [
    ['has time, level, event and message', {}, '03:04:05.006 INFO  [listening] admin listens\n'],
    [
      'ends with the fields',
      { what: 'admin', count: 2, up: true, none: null },
      '03:04:05.006 INFO  [listening] admin listens what=admin count=2 up=true none=null\n',
    ],
    [
      'quotes what has spaces',
      { reason: 'no port' },
      '03:04:05.006 INFO  [listening] admin listens reason="no port"\n',
    ],
    [
      'cuts hashes',
      { hash: 'ab'.repeat(32), short: 'abcdef' },
      '03:04:05.006 INFO  [listening] admin listens hash=abababababab short=abcdef\n',
    ],
    [
      'writes lists and records as JSON',
      { list: ['a b', 1], record: { a: 'x\ny' } },
      '03:04:05.006 INFO  [listening] admin listens list=["a b",1] record={"a":"x\\ny"}\n',
    ],
    [
      'stays one line whatever the values hold',
      { msg: 'a\nb\u001b[31mc', stack: 'Error\n    at x' },
      '03:04:05.006 INFO  [listening] a\\nb\\u001b[31mc stack="Error\\n    at x"\n',
    ],
  ];
  for (const [name, fields, expected] of rows) {
    it(name, () => expect(line(fields)).to.equal(expected));
  }

  it('is coloured only on a terminal, and not with NO_COLOR', () => {
    expect(line({ a: 1 }, true)).to.include('\u001b[32mINFO ');
    expect(line({ a: 1 })).to.not.include('\u001b');
    expect(wantsColor(true, {})).to.equal(true);
    expect(wantsColor(true, { NO_COLOR: '' })).to.equal(true);
    expect(wantsColor(true, { NO_COLOR: '1' })).to.equal(false);
    expect(wantsColor(false, {})).to.equal(false);
  });

  it('is written for each event of a pretty logger', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', format: 'pretty', write: (text) => lines.push(text) });
    logger.warn('failed', 'why', { stack: 'a\nb' });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^\d\d:\d\d:\d\d\.\d\d\d WARN {2}\[failed\] why stack="a\\nb"\n$/);
  });
});
