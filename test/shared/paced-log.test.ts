import { expect } from 'chai';
import type { LogFields } from '../../shared/log.ts';
import { pacedLog } from '../../shared/paced-log.ts';

describe('a paced log', () => {
  it('writes the first line, then one a second with the number of those left out', () => {
    const written: LogFields[] = [];
    let nowMs = 5;
    const log = pacedLog((_event, _message, fields) => written.push(fields), { nowMs: () => nowMs });
    for (const atMs of [5, 6, 1_004, 1_005, 1_006, 9_000]) {
      nowMs = atMs;
      log('event', 'message', { atMs });
    }
    expect(written).to.deep.equal([
      { atMs: 5, not_logged_before: 0 },
      { atMs: 1_005, not_logged_before: 2 },
      { atMs: 9_000, not_logged_before: 1 },
    ]);
  });
});
