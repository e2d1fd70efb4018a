import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readKeyring } from '../../../control-plane/store/keyring.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

describe('the keyring', () => {
  let folder: TempFolder;
  before(async () => {
    folder = await tempFolder();
  });
  after(() => folder.remove());

  const newKey = () => randomBytes(32).toString('base64');
  const ofFile = (text: string) => {
    const path = join(folder.path, 'keyring');
    writeFileSync(path, text, { mode: 0o600 });
    return readKeyring(path, {});
  };
  const failure = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return 'nothing was thrown';
  };

  it('has the keys of a file, in order, by the same ids each time', () => {
    const [first, second] = [newKey(), newKey()];
    const ring = ofFile(`# keys\n\n${first}\n  ${second}\r\n`);
    expect(ring).to.have.length(2);
    expect(ofFile(second).map(({ id }) => id)).to.deep.equal([ring[1]?.id]);
    expect(ring[0].id).to.match(/^[0-9a-f]{16}$/);
  });

  it('may come from a variable, one key a line or separated by commas', () => {
    const keys = [newKey(), newKey()];
    for (const KEYS of [keys.join('\n'), keys.join(',')]) {
      expect(readKeyring('env:KEYS', { KEYS })).to.have.length(2);
    }
    expect(failure(() => readKeyring('env:KEYS', {}))).to.equal('keyring: the variable KEYS is not set');
  });

  const planted = 'planted-keyring-text';
  const faults: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /holds no key/],
    ['comments only', '# a\n', /holds no key/],
    ['no base64', `# x\n${planted}!\n`, /line 2 is not a base64 256-bit key/],
    ['128 bits', randomBytes(16).toString('base64'), /line 1 is not/],
    ['512 bits', randomBytes(64).toString('base64'), /line 1 is not/],
    ['a key twice', ((key) => `${key}\n${key}`)(newKey()), /line 2 repeats a key/],
  ];
  for (const [what, text, message] of faults) {
    it(`refuses ${what}, and quotes nothing`, () => {
      const said = failure(() => ofFile(text));
      expect(said)
        .to.match(/^keyring: /)
        .and.match(message);
      expect(said).to.not.contain(planted);
    });
  }

  it('may be a file named by file:, readable by its owner and group only', () => {
    const path = join(folder.path, 'modes');
    writeFileSync(path, newKey());
    for (const mode of [0o600, 0o400, 0o640]) {
      chmodSync(path, mode);
      expect(readKeyring(`file:${path}`, {}), mode.toString(8)).to.have.length(1);
    }
    for (const mode of [0o644, 0o604]) {
      chmodSync(path, mode);
      const said = `keyring: every user of this machine can read the file (mode ${mode.toString(8)}); run chmod 600 ${path}`;
      expect(failure(() => readKeyring(path, {}))).to.equal(said);
    }
  });

  it('refuses a file that is not there', () => {
    expect(failure(() => readKeyring('/nowhere', {}))).to.match(/^keyring: ENOENT/);
  });

  describe('a key', () => {
    const [key, other] = readKeyring('env:K', { K: `${newKey()},${newKey()}` });

    it('decrypts what it encrypted, and never writes the same bytes twice', () => {
      const sealed = key.seal('hush', 'a');
      expect(key.open(sealed, 'a')).to.equal('hush');
      expect(key.seal('hush', 'a').equals(sealed)).to.equal(false);
      expect(sealed.includes('hush')).to.equal(false);
    });

    it('decrypts nothing of another key or context, and nothing that was changed', () => {
      const sealed = key.seal('hush', 'a');
      expect(() => other?.open(sealed, 'a')).to.throw();
      expect(() => key.open(sealed, 'b')).to.throw();
      for (const at of [0, 12, 28]) {
        const changed = Buffer.from(sealed);
        changed[at] = (changed[at] ?? 0) ^ 1;
        expect(() => key.open(changed, 'a'), String(at)).to.throw();
      }
      expect(() => key.open(sealed.subarray(0, 20), 'a')).to.throw();
    });

    it('makes digests that differ by value, context and key', () => {
      const digests = [key.digest('v', 'a'), key.digest('w', 'a'), key.digest('v', 'b'), other?.digest('v', 'a')];
      expect(new Set(digests).size).to.equal(4);
      expect(key.digest('v', 'a')).to.equal(digests[0]);
    });
  });
});
