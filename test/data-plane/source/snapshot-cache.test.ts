import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSnapshotCache, type SnapshotCache } from '../../../data-plane/source/snapshot-cache.ts';
import { createLogger } from '../../../shared/log.ts';
import { packEntities, type PackedEntities } from '../../helpers/pack-entities.ts';
import { hostOf, oneService } from '../../helpers/sync-fakes.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

const saved = ({ hash, body }: PackedEntities) => ({ hash, body, database: undefined });

describe('the snapshot cache', () => {
  let folder: TempFolder;
  let path: string;
  let cache: SnapshotCache;
  let packed: PackedEntities;
  let lines: string[];
  beforeEach(async () => {
    folder = await tempFolder();
    path = join(folder.path, 'snapshot.cache');
    lines = [];
    const logger = createLogger({ level: 'debug', format: 'json', write: (line) => lines.push(line) });
    cache = createSnapshotCache({ dataDir: folder.path, logger });
    packed = await packEntities(oneService('secret-host'));
  });
  afterEach(() => folder.remove());

  it('is empty at first, without a log line', async () => {
    expect(await cache.load()).to.equal(undefined);
    expect(lines).to.deep.equal([]);
  });

  it('returns the newest snapshot from a file of mode 0600', async () => {
    await cache.save(saved(packed));
    const second = await packEntities(oneService('second'));
    await cache.save(saved(second));
    const snapshot = (await cache.load())?.wire.snapshot;
    expect(snapshot?.hash).to.equal(second.hash);
    expect(snapshot && hostOf(snapshot)).to.equal('second');
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(readdirSync(folder.path)).to.deep.equal(['snapshot.cache']);
  });

  const damages: readonly (readonly [what: string, damage: (file: Buffer) => Buffer])[] = [
    ['cut', (file) => file.subarray(0, -5)],
    ['cut in its header', (file) => file.subarray(0, 20)],
    ['empty', () => Buffer.alloc(0)],
    ['full of something else', () => Buffer.from('{"hash":"x"}')],
    [
      'of another hash',
      (file) => Buffer.concat([Buffer.from(`sluice-snapshot 1 ${'0'.repeat(64)}\n`), file.subarray(83)]),
    ],
    ['of another format', (file) => Buffer.from(file.toString('latin1').replace(' 1 ', ' 2 '), 'latin1')],
  ];
  for (const [what, damage] of damages) {
    it(`reports and ignores a file that is ${what}`, async () => {
      await cache.save(saved(packed));
      writeFileSync(path, damage(readFileSync(path)));
      expect(await cache.load()).to.equal(undefined);
      expect(lines.join('')).to.contain('"event":"cache_unusable"').and.not.contain('secret-host');
      await cache.save(saved(packed));
      expect((await cache.load())?.wire.snapshot.hash).to.equal(packed.hash);
    });
  }

  it('keeps the old file when the disk fails', async () => {
    await cache.save(saved(packed));
    const failing = createSnapshotCache({
      dataDir: join(folder.path, 'missing'),
      logger: createLogger({ level: 'error', format: 'json', write: () => undefined }),
    });
    const error: unknown = await failing.save(saved(packed)).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Error);
    expect((await cache.load())?.wire.snapshot.hash).to.equal(packed.hash);
  });

  describe('with a key', () => {
    const key = randomBytes(32);
    let sealed: SnapshotCache;
    const openWith = (keyOf: Buffer | undefined) =>
      createSnapshotCache({
        dataDir: folder.path,
        ...(keyOf && { keys: [keyOf] }),
        logger: createLogger({ level: 'debug', format: 'json', write: (line) => lines.push(line) }),
      });
    beforeEach(() => {
      sealed = openWith(key);
    });

    it('writes nothing in the clear and reads the file again', async () => {
      // As it lies on the wire: the body is compressed, so that its own bytes must not be there.
      await sealed.save(saved(packed));
      const file = readFileSync(path);
      expect(file.includes(packed.body.subarray(0, 16))).to.equal(false);
      expect(statSync(path).mode & 0o777).to.equal(0o600);
      expect((await sealed.load())?.wire.snapshot.hash).to.equal(packed.hash);
      await sealed.save(saved(packed));
      expect(readFileSync(path).equals(file), 'a nonce is used once').to.equal(false);
    });

    it('encrypts a file that was written without a key', async () => {
      await cache.save(saved(packed));
      expect((await sealed.load())?.wire.snapshot.hash).to.equal(packed.hash);
      expect(readFileSync(path).includes(packed.body.subarray(0, 16))).to.equal(false);
      expect((await sealed.load())?.wire.snapshot.hash).to.equal(packed.hash);
      expect(lines).to.deep.equal([]);
    });

    const openers: readonly (readonly [string, Buffer | undefined, RegExp])[] = [
      ['another key', randomBytes(32), /another cluster key/],
      ['no key', undefined, /no cluster_cert_key/],
    ];
    for (const [what, other, reason] of openers) {
      it(`reports and ignores it with ${what}`, async () => {
        await sealed.save(saved(packed));
        expect(await openWith(other).load()).to.equal(undefined);
        expect(lines.join('')).to.contain('cache_unusable').and.match(reason);
      });
    }

    for (const position of ['header', 'nonce', 'tag', 'body'] as const) {
      it(`reports and ignores it when its ${position} was changed`, async () => {
        await sealed.save(saved(packed));
        const file = readFileSync(path);
        const at = { header: 30, nonce: 85, tag: 100, body: 115 }[position];
        file[at] = (file[at] ?? 0) ^ 1;
        writeFileSync(path, file);
        expect(await sealed.load()).to.equal(undefined);
        expect(lines).to.have.length(1);
      });
    }
  });
});
