import { expect } from 'chai';
import { requestHeaders } from '../../../data-plane/forward/request-headers.ts';
import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { bob, GuardFixture, people } from './guard-fixture.ts';

describe('consumers', () => {
  it('meet the plugins that are bound to them once they are recognised', async () => {
    const guard = new GuardFixture();
    const closed = { name: 'request-termination', config: { status_code: 410 }, consumer: { id: bob.id } };
    await guard.apply({ ...people, plugins: [{ name: 'key-auth', config: {} }, closed] });
    expect((await guard.send({ headers: ['apikey', 'ada-key'] })).status).to.equal(200);
    expect((await guard.send({ headers: ['apikey', 'bob-key'] })).status).to.equal(410);
    expect((await guard.send({ headers: ['apikey', 'no-key', 'x-consumer-id', bob.id] })).status).to.equal(401);
  });

  it('are told to a service, even when the client names their headers in Connection', () => {
    const headers = new HeaderList(['Connection', 'X-Consumer-ID, X-Own', 'X-Consumer-ID', 'c', 'X-Own', '1']);
    const facts = { clientAddress: '192.0.2.1', peerAddress: '192.0.2.1', isPeerTrusted: false, path: '/' };
    const place = { scheme: 'http', host: 'h', port: 80, strippedPrefix: '', httpVersion: '1.1' } as const;
    const sent = new HeaderList(requestHeaders({ headers, requestId: 'r', ...facts, ...place }, 'h'));
    expect([sent.get('x-consumer-id'), sent.get('x-own')]).to.deep.equal(['c', undefined]);
  });

  it('are guarded by plugins that no node may lack', () => {
    const guards = ['key-auth', 'basic-auth', 'acl', 'jwt', 'oidc-bearer', 'hmac-auth', 'ip-restriction', 'request-size-limiting', 'request-termination', 'cors'] as const;
    expect(guards.filter((name) => pluginSchemas[name].requiredToUnderstand !== true)).to.deep.equal([]);
  });
});
