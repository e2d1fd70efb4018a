import { expect } from 'chai';
import * as fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { packSnapshot, SnapshotCorruptError, unpackSnapshot } from '../../shared/snapshot-wire.ts';
import { createSnapshot, type SnapshotEntities } from '../../shared/snapshot.ts';

const entity = fc
  .tuple(fc.uuid(), fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ noUnicodeString: false })))
  .map(([id, fields]) => ({ ...fields, id }));
const list = fc.uniqueArray(entity, { minLength: 1, maxLength: 8, selector: ({ id }) => id });
const entitiesArbitrary = fc.dictionary(fc.constantFrom('services', 'routes', 'plugins', 'consumers'), list);

describe('the wire form of a snapshot', function () {
  this.timeout(20_000);

  it('comes back as the snapshot that it was made of', async () => {
    await fc.assert(
      fc.asyncProperty(entitiesArbitrary, async (generated) => {
        // What JSON cannot tell apart (-0) or leaves out is no part of an entity: they come from JSON documents.
        const entities = roundTrip(generated);
        const packed = await packSnapshot(entities);
        const snapshot = createSnapshot(entities);
        expect(packed.hash).to.equal(snapshot.hash);
        const unpacked = await unpackSnapshot(packed.hash, packed.body);
        expect(unpacked.hash).to.equal(snapshot.hash);
        expect(JSON.parse(JSON.stringify(unpacked.entities))).to.deep.equal(
          JSON.parse(JSON.stringify(snapshot.entities)),
        );
        expect(createSnapshot(unpacked.entities).hash).to.equal(snapshot.hash);
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on the order of entities and fields', async () => {
    const a = await packSnapshot({ services: [entityOf('1', 'a'), entityOf('2', 'b')], routes: [entityOf('3', 'c')] });
    const b = await packSnapshot({
      routes: [{ name: 'c', id: '3' }],
      services: [
        { name: 'b', id: '2' },
        { name: 'a', id: '1' },
      ],
    });
    expect(b.hash).to.equal(a.hash);
    expect(b.body.equals(a.body)).to.equal(true);
  });

  it('is empty without entities', async () => {
    const packed = await packSnapshot({ services: [] });
    expect(packed).to.include({ entityCount: 0, rawBytes: 0, hash: createSnapshot({}).hash });
    expect((await unpackSnapshot(packed.hash, packed.body)).entities).to.deep.equal({});
  });

  it('refuses any bytes that were changed', async () => {
    const { hash, body } = await packSnapshot({ services: [entityOf('1', 'a'), entityOf('2', 'b')] });
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
        const changed = Buffer.from(body);
        changed[position] = (changed[position] ?? 0) ^ flip;
        // Bytes of the gzip header (time, system) carry nothing: there the snapshot itself must be unharmed.
        const outcome = await unpackSnapshot(hash, changed).then(
          (snapshot) => snapshot.entities,
          (error: unknown) => error,
        );
        if (outcome instanceof SnapshotCorruptError) return;
        expect(outcome).to.deep.equal({ services: [entityOf('1', 'a'), entityOf('2', 'b')] });
      }),
    );
  });

  const broken: readonly (readonly [what: string, text: string, message: string])[] = [
    ['a line without an end', 'services {"id":"1"}', 'last line'],
    ['a line without a kind', '{"id":"1"}\n', 'names no kind'],
    ['text that is no JSON', 'services {"id":"se\n', 'holds no entity'],
    ['an entity without an id', 'services {"name":"x"}\n', 'holds no entity'],
    ['another hash', 'services {"id":"1"}\n', 'hash'],
  ];
  for (const [what, text, message] of broken) {
    it(`refuses ${what}`, async () => {
      const error: unknown = await unpackSnapshot('0'.repeat(64), gzipSync(text)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(SnapshotCorruptError);
      expect(String(error)).to.contain(message).and.not.contain('"se');
    });
  }
});

function entityOf(id: string, name: string): { id: string; name: string } {
  return { id, name };
}

function roundTrip(entities: SnapshotEntities): SnapshotEntities {
  const copy: SnapshotEntities = JSON.parse(JSON.stringify(entities));
  return copy;
}
