import { expect } from 'chai';
import * as fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import {
  applyDelta,
  entityLine,
  packLines,
  packSnapshot,
  removalLine,
  SnapshotCorruptError,
  unpackSnapshot,
} from '../../shared/snapshot-wire.ts';
import { canonicalJson, createSnapshot, type SnapshotEntities } from '../../shared/snapshot.ts';
import { packEntities } from '../helpers/pack-entities.ts';

const entity = fc
  .tuple(fc.uuid(), fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ noUnicodeString: false })))
  .map(([id, fields]) => ({ ...fields, id }));
const list = fc.uniqueArray(entity, { minLength: 1, maxLength: 8, selector: ({ id }) => id });
const entitiesArbitrary = fc.dictionary(fc.constantFrom('services', 'routes', 'plugins', 'consumers'), list);

describe('the wire form of a snapshot', function () {
  this.timeout(60_000);

  it('is read back as the snapshot that it was made of', async () => {
    await fc.assert(
      fc.asyncProperty(entitiesArbitrary, async (generated) => {
        // What JSON cannot tell apart (-0) or leaves out is no part of an entity: they come from JSON documents.
        const entities = roundTrip(generated);
        const packed = await packEntities(entities);
        const snapshot = createSnapshot(entities);
        expect(packed.hash).to.equal(snapshot.hash);
        const wire = await unpackSnapshot(packed.hash, packed.body);
        const unpacked = wire.snapshot;
        expect((await unpackSnapshot(packed.hash, await packSnapshot(wire))).snapshot).to.deep.equal(unpacked);
        expect(unpacked.hash).to.equal(snapshot.hash);
        expect(JSON.parse(JSON.stringify(unpacked.entities))).to.deep.equal(
          JSON.parse(JSON.stringify(snapshot.entities)),
        );
        expect(createSnapshot(unpacked.entities).hash).to.equal(snapshot.hash);
      }),
      { numRuns: 40 },
    );
  });

  it('does not depend on the order of entities and fields', async () => {
    const a = await packEntities({ services: [entityOf('1', 'a'), entityOf('2', 'b')], routes: [entityOf('3', 'c')] });
    const b = await packEntities({
      routes: [{ name: 'c', id: '3' }],
      services: [
        { name: 'b', id: '2' },
        { name: 'a', id: '1' },
      ],
    });
    expect(b.hash).to.equal(a.hash);
    expect(b.body.equals(a.body)).to.equal(true);
  });

  it('is read line by line, however long the lines are', async () => {
    const letters = ['x', 'é', '\u{1f30a}'];
    const services = Array.from({ length: 60 }, (_one, n) => ({
      id: `service-${String(n).padStart(2, '0')}`,
      text: letters[n % 3]?.repeat(n * 3_000),
    }));
    const packed = await packEntities({ services });
    const { snapshot } = await unpackSnapshot(packed.hash, packed.body);
    expect(snapshot.entities['services']).to.deep.equal(services);
  });

  it('is refused when it unpacks to more than the limit', async () => {
    const packed = await packEntities({ services: [{ id: 'a', text: 'x'.repeat(300_000) }] });
    await unpackSnapshot(packed.hash, packed.body, 301_000);
    const refused = await unpackSnapshot(packed.hash, packed.body, 300_000).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(SnapshotCorruptError);
    expect((refused as Error).cause).to.be.instanceOf(RangeError);
  });

  it('is empty without entities', async () => {
    const packed = await packEntities({ services: [] });
    expect(packed).to.include({ entityCount: 0, hash: createSnapshot({}).hash });
    expect((await unpackSnapshot(packed.hash, packed.body)).snapshot.entities).to.deep.equal({});
  });

  it('refuses any bytes that were changed', async () => {
    const { hash, body } = await packEntities({ services: [entityOf('1', 'a'), entityOf('2', 'b')] });
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
        const changed = Buffer.from(body);
        changed[position] = (changed[position] ?? 0) ^ flip;
        // Bytes of the gzip header (time, system) carry nothing: there the snapshot itself must be unharmed.
        const outcome = await unpackSnapshot(hash, changed).then(
          ({ snapshot }) => snapshot.entities,
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
    ['an entity that is there twice', 'services {"id":"1"}\nservices {"id":"1"}\n', 'twice'],
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

describe('a delta', function () {
  this.timeout(60_000);

  const deltaBetween = (from: SnapshotEntities, to: SnapshotEntities): Promise<Buffer> => {
    const lines: string[] = [];
    for (const [plural, list] of Object.entries(to)) {
      const before = new Map((from[plural] ?? []).map((one) => [one.id, canonicalJson(one)]));
      for (const one of list) {
        if (before.get(one.id) !== canonicalJson(one)) lines.push(entityLine(plural, canonicalJson(one)));
      }
    }
    for (const [plural, list] of Object.entries(from)) {
      const after = new Set((to[plural] ?? []).map(({ id }) => id));
      for (const { id } of list) if (!after.has(id)) lines.push(removalLine(plural, id));
    }
    return packLines(lines);
  };

  it('leads from any configuration to any other, and leaves the base as it was', async () => {
    const pool = fc.sample(entity, { numRuns: 6, seed: 1 });
    const some = fc.dictionary(
      fc.constantFrom('services', 'routes'),
      fc.uniqueArray(fc.tuple(fc.constantFrom(...pool), fc.nat(2)), {
        selector: ([one]) => one.id,
        maxLength: 6,
      }),
    );
    const build = (drawn: Record<string, [{ id: string }, number][]>): SnapshotEntities =>
      roundTrip(
        Object.fromEntries(
          Object.entries(drawn).map(([plural, list]) => [plural, list.map(([one, turn]) => ({ ...one, turn }))]),
        ),
      );
    await fc.assert(
      fc.asyncProperty(some, some, async (first, second) => {
        const [from, to] = [build(first), build(second)];
        const packed = await packEntities(from);
        const base = await unpackSnapshot(packed.hash, packed.body);
        const goal = createSnapshot(to);
        const result = await applyDelta(base, goal.hash, await deltaBetween(from, to));
        const wanted = Object.fromEntries(Object.entries(goal.entities).filter(([, list]) => list.length > 0));
        expect(result.snapshot.entities).to.deep.equal(wanted);
        expect((await unpackSnapshot(goal.hash, await packSnapshot(result))).snapshot.entities).to.deep.equal(wanted);
        expect((await unpackSnapshot(packed.hash, await packSnapshot(base))).snapshot).to.deep.equal(base.snapshot);
      }),
      { numRuns: 80 },
    );
  });

  it('keeps unchanged entities as the same objects', async () => {
    const from = { services: [entityOf('1', 'a'), entityOf('2', 'b')], routes: [entityOf('3', 'c')] };
    const to = { ...from, services: [entityOf('1', 'a'), entityOf('2', 'x')] };
    const packed = await packEntities(from);
    const base = await unpackSnapshot(packed.hash, packed.body);
    const result = await applyDelta(base, createSnapshot(to).hash, await deltaBetween(from, to));
    expect(result.snapshot.entities['routes']).to.equal(base.snapshot.entities['routes']);
    expect(result.snapshot.entities['services']?.[0]).to.equal(base.snapshot.entities['services']?.[0]);
  });

  it('is refused when it leads anywhere else', async () => {
    const from = { services: [entityOf('1', 'a'), entityOf('2', 'b')] };
    const packed = await packEntities(from);
    const base = await unpackSnapshot(packed.hash, packed.body);
    const delta = await deltaBetween(from, { services: [entityOf('1', 'a')] });
    const error: unknown = await applyDelta(base, '0'.repeat(64), delta).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(SnapshotCorruptError).and.to.have.property('message').that.contains('another hash');
  });

  it('may change more entities than are placed one by one', async () => {
    const many = (name: string) => ({
      services: Array.from({ length: 1_200 }, (_one, index) => entityOf(String(index).padStart(5, '0'), name)),
    });
    const packed = await packEntities(many('a'));
    const base = await unpackSnapshot(packed.hash, packed.body);
    const goal = createSnapshot(many('b'));
    const result = await applyDelta(base, goal.hash, await deltaBetween(many('a'), many('b')));
    expect(result.snapshot.entities).to.deep.equal(goal.entities);
  });
});

function entityOf(id: string, name: string): { id: string; name: string } {
  return { id, name };
}

function roundTrip(entities: SnapshotEntities): SnapshotEntities {
  const copy: SnapshotEntities = JSON.parse(JSON.stringify(entities));
  return copy;
}
