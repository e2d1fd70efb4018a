import { expect } from 'chai';
import { checkedEntities, GuardFixture, guardWith } from '../guard-fixture.ts';

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

describe('the correlation-id plugin', () => {
  const forms = {
    uuid: `^${uuid}$`,
    'uuid#counter': `^${uuid}#[12]$`,
    tracker: `^192\\.0\\.2\\.1-8000-${process.pid}-[12]-1-\\d+\\.\\d{3}$`,
  };
  for (const [generator, form] of Object.entries(forms)) {
    it(`makes identifiers of the form ${generator}, each another one`, async () => {
      const guard = await guardWith('correlation-id', { generator });
      const ids: unknown[] = [];
      for (const _time of [1, 2]) ids.push((await guard.send()).passed?.headers.get('kong-request-id'));
      for (const id of ids) expect(id).to.match(new RegExp(form));
      expect(ids[0]).not.to.equal(ids[1]);
    });
  }

  it('keeps the identifier of the client, and makes one in place of an empty one', async () => {
    const guard = await guardWith('correlation-id', { header_name: 'X-Trace', generator: 'uuid' });
    expect((await guard.send({ headers: ['x-trace', 'mine'] })).passed?.headers.all('x-trace')).to.deep.equal(['mine']);
    expect((await guard.send({ headers: ['x-trace', ''] })).passed?.headers.get('x-trace')).to.match(new RegExp(uuid));
  });

  it('tells it in answers of the service, in place of its own, and in refusals of other plugins', async () => {
    const guard = new GuardFixture();
    guard.serviceHeaders = ['x-trace', 'of the service'];
    const trace = { name: 'correlation-id', config: { header_name: 'X-Trace', echo_downstream: true } };
    await guard.apply({ plugins: [trace] });
    expect((await guard.send({ headers: ['x-trace', 'mine'] })).headers.all('x-trace')).to.deep.equal(['mine']);
    await guard.apply({ plugins: [trace, { name: 'key-auth', config: {} }] });
    const refused = await guard.send({ headers: ['x-trace', 'mine'] });
    expect([refused.status, refused.headers.all('x-trace')]).to.deep.equal([401, ['mine']]);
  });

  it('refuses generators and names that are none', () => {
    for (const config of [{ generator: 'x' }, { header_name: 'a b' }]) {
      expect(() => checkedEntities({ plugins: [{ name: 'correlation-id', config }] })).to.throw();
    }
  });
});
