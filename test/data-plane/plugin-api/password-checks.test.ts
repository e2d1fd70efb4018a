import { expect } from 'chai';
import {
  PasswordChecks,
  passwordChecksMax,
  passwordChecksWaitingMax,
  passwordRememberedMs,
} from '../../../data-plane/plugin-api/password-checks.ts';
import { hashPassword } from '../../../shared/entities/password-hash.ts';

describe('the checks of passwords', () => {
  let stored: string;
  before(async () => {
    stored = await hashPassword('open sesame', undefined);
  });

  it('tell right from wrong, and know no user who is not there', async () => {
    const checks = new PasswordChecks();
    expect(await checks.verify('ada', 'open sesame', stored)).to.equal('right');
    expect(await checks.verify('ada', 'open', stored)).to.equal('wrong');
    expect(await checks.verify('bob', 'open sesame', undefined)).to.equal('wrong');
    expect(await checks.verify('bob', 'open sesame', 'no hash')).to.equal('wrong');
  });

  it('remember a right password for a time, and never under another hash or name', async () => {
    let now = 1;
    const checks = new PasswordChecks({ nowMs: () => now });
    await checks.verify('ada', 'open sesame', stored);
    expect(checks.verify('ada', 'open sesame', stored)).to.equal('right');
    for (const [username, password, hash] of [
      ['eve', 'open sesame', undefined],
      ['ada', 'open sesam', stored],
      ['ada', 'open sesame', await hashPassword('other', undefined)],
    ] as const) {
      const verdict = checks.verify(username, password, hash);
      expect(verdict).to.be.instanceOf(Promise);
      expect(await verdict).to.equal('wrong');
    }
    now += passwordRememberedMs + 1;
    expect(checks.verify('ada', 'open sesame', stored)).to.be.instanceOf(Promise);
    await checks.verify('ada', 'open sesame', stored);
  });

  it('run few at a time, let a hundred wait, and refuse the next at once', async () => {
    let refused = 0;
    const running: (() => void)[] = [];
    let most = 0;
    const derive = (): Promise<Buffer> =>
      new Promise((resolve) => {
        running.push(() => resolve(Buffer.alloc(32)));
        most = Math.max(most, running.length);
      });
    const checks = new PasswordChecks({ onBusy: () => (refused += 1), derive });
    // All of them are of the same user: were they equal, they would share one check.
    const verdicts = Array.from({ length: passwordChecksMax + passwordChecksWaitingMax + 1 }, (_, index) =>
      checks.verify('ada', `wrong ${index}`, stored),
    );
    expect(verdicts.at(-1)).to.equal('busy');
    expect([verdicts.filter((verdict) => verdict === 'busy').length, refused]).to.deep.equal([1, 1]);
    expect(checks.verify('ada', 'wrong 0', stored), 'a check under way is shared').to.equal(verdicts[0]);
    await Promise.resolve();
    while (running.length > 0) {
      running.shift()?.();
      await new Promise(setImmediate);
    }
    const settled = await Promise.all(verdicts.map((verdict) => Promise.resolve(verdict)));
    expect(settled.filter((verdict) => verdict === 'wrong')).to.have.length(verdicts.length - 1);
    expect(most).to.equal(passwordChecksMax);
  });
});
