import { expect } from 'chai';
import { startAdmin, type AdminFixture } from './admin-fixture.ts';

describe('the Admin API: lists', () => {
  let admin: AdminFixture;
  before(async () => {
    admin = await startAdmin();
    for (let n = 0; n < 25; n += 1) {
      const tags = [n % 2 === 0 ? 'even' : 'odd', ...(n % 5 === 0 ? ['five'] : [])];
      await admin.call('POST', '/consumers', { username: `u${n}`, custom_id: `c${n}`, tags });
    }
  });
  after(() => admin.close());

  it('pages in the order of ids, without an offset on the last page', async () => {
    const ids: string[] = [];
    let next: string | null = '/consumers?size=10';
    let pages = 0;
    while (next !== null) {
      const { body } = await admin.call('GET', next);
      pages += 1;
      ids.push(...body.data.map(({ id }: { id: string }) => id));
      expect('offset' in body).to.equal(body.next !== null);
      if (body.next !== null) expect(body.next).to.equal(`/consumers?offset=${body.offset}&size=10`);
      next = body.next;
    }
    expect(pages).to.equal(3);
    expect(ids)
      .to.have.length(25)
      .and.deep.equal([...new Set(ids)].sort());
  });

  it('has no next page when the last one is full, and null for an empty list', async () => {
    expect((await admin.call('GET', '/consumers?size=25')).body)
      .to.include({ next: null })
      .and.not.have.property('offset');
    expect((await admin.call('GET', '/services')).body).to.deep.equal({ data: [], next: null });
  });

  it('returns correct pages while rows are added and removed', async () => {
    const first = (await admin.call('GET', '/consumers?size=10')).body;
    const removed = first.data[9];
    await admin.call('DELETE', `/consumers/${removed.id}`);
    const low = { username: 'low', id: '00000000-0000-4000-8000-000000000000' };
    await admin.call('POST', '/consumers', low);
    const second = (await admin.call('GET', first.next)).body;
    const firstIds = new Set(first.data.map(({ id }: { id: string }) => id));
    expect(second.data.some(({ id }: { id: string }) => firstIds.has(id))).to.equal(false);
    expect(first.data.length + second.data.length + (await admin.call('GET', second.next)).body.data.length).to.equal(
      25,
    );
    await admin.call('POST', '/consumers', removed);
    await admin.call('DELETE', '/consumers/low');
  });

  const bad: readonly (readonly [string, number, string])[] = [
    ['size=0', 9, 'invalid size'],
    ['size=1001', 9, 'invalid size'],
    ['size=x', 9, 'invalid size'],
    ['size=', 9, 'invalid size'],
    ['size=1.5', 9, 'invalid size'],
    ['offset=nonsense', 7, 'invalid offset'],
    ['offset=', 7, 'invalid offset'],
    ['offset=WyJ4Il0', 7, 'invalid offset'],
    ['tags=a,b/c', 11, 'invalid options'],
    ['tags=', 11, 'invalid options'],
    ['tags=a,,b', 11, 'invalid options'],
  ];
  for (const [query, code, name] of bad) {
    it(`refuses ${query}`, async () => {
      const { status, body } = await admin.call('GET', `/consumers?${query}`);
      expect(status).to.equal(400);
      expect(body).to.include({ code, name });
    });
  }

  const filters: readonly (readonly [string, number])[] = [
    ['tags=even', 13],
    ['tags=even,five', 3],
    ['tags=even/five', 15],
    ['tags=none', 0],
    ['tags=even,even', 13],
    ['custom_id=c7', 1],
    ['custom_id=none', 0],
    ['unknown=1', 25],
    ['size=1000', 25],
  ];
  for (const [query, count] of filters) {
    it(`finds ${count} by ${query}`, async () => {
      expect((await admin.call('GET', `/consumers?${query}`)).body.data).to.have.length(count);
    });
  }

  it('keeps filters on the next page', async () => {
    const first = (await admin.call('GET', '/consumers?tags=even/five&size=10')).body;
    expect((await admin.call('GET', first.next)).body.data).to.have.length(5);
  });

  it('lists the uses of tags, by pages', async () => {
    const names: string[] = [];
    let next: string | null = '/tags?size=7';
    while (next !== null) {
      const { body } = await admin.call('GET', next);
      names.push(...body.data.map(({ tag }: { tag: string }) => tag));
      next = body.next;
    }
    expect(names).to.deep.equal([...Array(13).fill('even'), ...Array(5).fill('five'), ...Array(12).fill('odd')]);
    const five = (await admin.call('GET', '/tags/five')).body;
    expect(five.data).to.have.length(5);
    expect(five.data[0]).to.include({ tag: 'five', entity_name: 'consumers' });
    expect((await admin.call('GET', '/tags/none')).body).to.deep.equal({ data: [], next: null });
  });
});
