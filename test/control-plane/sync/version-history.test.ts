import { expect } from 'chai';
import type { MirrorEntity } from '../../../control-plane/sync/config-mirror.ts';
import { VersionHistory } from '../../../control-plane/sync/version-history.ts';

const one = (id: string, line = id): MirrorEntity => ({
  plural: 'services',
  id,
  line,
  hash: line,
  enabled: true,
  references: [],
});
const many = (count: number, line: string): Map<string, MirrorEntity> =>
  new Map(Array.from({ length: count }, (_one, n) => [`services/${n}`, one(String(n), line)]));

describe('the history of versions', () => {
  it('knows the changed keys of each version but the first', () => {
    const history = new VersionHistory();
    const entities = many(3, 'a');
    history.push({ revision: 1, entities });
    expect(history.changedSince(1, 1)).to.deep.equal([]);
    expect(history.changedSince(0, 1)).to.equal(undefined);
    history.push({ revision: 2, entities: new Map(entities).set('services/1', one('1', 'b')) });
    expect(history.changedSince(1, 2)).to.deep.equal([{ key: 'services/1', plural: 'services', id: '1' }]);
    expect(history.push({ revision: 3, entities: history.newest()?.entities ?? new Map() })).to.equal(undefined);
  });

  it('keeps a small change of the newest version and compares again after a large one', () => {
    const history = new VersionHistory();
    for (const count of [3, 5_000]) {
      const from = history.push({ revision: 1, entities: many(count, 'a') });
      const to = history.push({ revision: 2, entities: many(count, 'b') });
      if (to === undefined) throw new Error('nothing changed');
      const changes = history.changes(from, to);
      expect(changes.map(({ before, after }) => [before?.line, after?.line])).to.deep.equal(
        Array.from({ length: count }, () => ['a', 'b']),
      );
      expect(history.changes(from, to) === changes, `${count} changes kept`).to.equal(count === 3);
    }
  });
});
