import { expect } from 'chai';
import { createTargetResolver } from '../../../data-plane/upstreams/resolve-target.ts';
import { Closing } from '../../helpers/closing.ts';
import { type NameServer, startNameServer } from '../../helpers/name-server.ts';

describe('createTargetResolver', () => {
  const closing = new Closing();
  let names: NameServer;

  beforeEach(async () => {
    names = await startNameServer();
    closing.add(() => names.close());
  });
  afterEach(() => closing.close());
  const resolve = (host: string, port = 80) => createTargetResolver({ nameServers: [names.address] })(host, port);

  it('returns an address unchanged, without expiry', async () => {
    expect(await resolve('192.0.2.7', 81)).to.deep.equal({
      addresses: [{ address: '192.0.2.7', port: 81 }],
      ttlMs: Infinity,
    });
    expect((await resolve('::1')).addresses).to.deep.equal([{ address: '::1', port: 80 }]);
    expect(names.asked.size).to.equal(0);
  });

  it('gives every address of a name for the shortest time to live', async () => {
    names.set('api.example.com', [
      { type: 'A', address: '192.0.2.1', ttl: 30 },
      { type: 'A', address: '192.0.2.2', ttl: 20 },
    ]);
    const { addresses, ttlMs } = await resolve('api.example.com');
    expect(addresses.map(({ address }) => address).toSorted()).to.deep.equal(['192.0.2.1', '192.0.2.2']);
    expect(ttlMs).to.equal(20_000);
  });

  it('bounds the time to live at both ends', async () => {
    names.set('short.example.com', [{ type: 'A', address: '192.0.2.1', ttl: 0 }]);
    names.set('long.example.com', [{ type: 'A', address: '192.0.2.1', ttl: 86_400 }]);
    expect((await resolve('short.example.com')).ttlMs).to.equal(1_000);
    expect((await resolve('long.example.com')).ttlMs).to.equal(60_000);
  });

  it('takes ports and weights from SRV records', async () => {
    names.set('a.example.com', [{ type: 'A', address: '192.0.2.1', ttl: 60 }]);
    names.set('b.example.com', [{ type: 'A', address: '192.0.2.2', ttl: 60 }]);
    names.set('_http._tcp.example.com', [
      { type: 'SRV', name: 'a.example.com', port: 8001, weight: 3, ttl: 60 },
      { type: 'SRV', name: 'b.example.com', port: 8002, weight: 1, ttl: 60 },
    ]);
    const { addresses } = await resolve('_http._tcp.example.com');
    expect(addresses).to.have.deep.members([
      { address: '192.0.2.1', port: 8001, weight: 3 },
      { address: '192.0.2.2', port: 8002, weight: 1 },
    ]);
  });

  it('asks the system for names without a dot', async () => {
    const { addresses } = await resolve('localhost', 9000);
    expect(addresses).to.deep.include({ address: '127.0.0.1', port: 9000 });
    expect(names.asked.size).to.equal(0);
  });

  it('rejects for an unknown name', async () => {
    const error = await resolve('missing.invalid').catch((caught: unknown) => caught);
    expect(error).to.be.an('error').with.property('message').that.includes('missing.invalid');
  });
});
