import { expect } from 'chai';
import { auditedTry, parseTry } from '../../shared/try-request.ts';

describe('a sample request', () => {
  const faultsOf = (input: Record<string, unknown>) => {
    const parsed = parseTry(input);
    return parsed.kind === 'faults' ? parsed.faults.map(({ path }) => path.join('.')) : [];
  };

  it('fills what is left out', () => {
    const parsed = parseTry({ path: '/a?b=1' });
    expect(parsed).to.deep.equal({
      kind: 'request',
      request: {
        method: 'POST',
        path: '/a?b=1',
        protocol: 'http',
        host: 'localhost',
        headers: [],
        body: Buffer.alloc(0),
        clientAddress: '127.0.0.1',
        asConsumer: undefined,
        plugin: undefined,
      },
    });
  });

  const bodies: readonly (readonly [what: string, input: Record<string, unknown>, body: string])[] = [
    ['a string as it is', { body: 'a=1' }, 'a=1'],
    ['an object as JSON', { body: { a: 1 } }, '{"a":1}'],
    ['null as JSON', { body: null }, 'null'],
    ['bytes', { body_base64: 'AAEC' }, '\u0000\u0001\u0002'],
    ['nothing', {}, ''],
  ];
  for (const [what, input, body] of bodies) {
    it(`takes ${what} for a body`, () => {
      const parsed = parseTry({ path: '/', ...input });
      expect(parsed.kind === 'request' && parsed.request.body.toString('latin1')).to.equal(body);
    });
  }

  it('takes several values of a header', () => {
    const parsed = parseTry({ path: '/', headers: { a: ['1', '2'], b: '3' } });
    expect(parsed.kind === 'request' && parsed.request.headers).to.deep.equal([
      ['a', '1'],
      ['a', '2'],
      ['b', '3'],
    ]);
  });

  const faulty: readonly (readonly [input: Record<string, unknown>, paths: readonly string[]])[] = [
    [{}, ['path']],
    [{ path: 'a' }, ['path']],
    [{ path: '/a b' }, ['path']],
    [{ path: '/', method: 'A B', protocol: 'ftp', host: 'a/b' }, ['protocol', 'method', 'host']],
    [{ path: '/', headers: [] }, ['headers']],
    [{ path: '/', headers: { 'a b': '1', c: 5, d: 'x\ny' } }, ['headers.a b', 'headers.c', 'headers.d']],
    [{ path: '/', body: 'a', body_base64: 'AA==' }, ['body_base64']],
    [{ path: '/', body_base64: '!' }, ['body_base64']],
    [{ path: '/', as_consumer: '' }, ['as_consumer']],
    [{ path: '/', plugin: {} }, ['plugin.name']],
    [{ path: '/', plugin: 'x' }, ['plugin']],
    [{ path: '/', client_address: 'here' }, ['client_address']],
    [{ path: '/', other: 1 }, ['other']],
  ];
  for (const [input, paths] of faulty) {
    it(`refuses ${JSON.stringify(input)}`, () => expect(faultsOf(input)).to.have.members(paths));
  }

  it('is kept without its body, its query and its credentials', () => {
    const parsed = parseTry({
      path: '/a?apikey=hush',
      headers: { Authorization: 'Bearer hush', apikey: 'hush', 'x-auth-token': 'hush', accept: 'x' },
      body: 'hush',
      plugin: { name: 'kafka-upstream', config: { password: 'hush' } },
    });
    const kept = parsed.kind === 'request' ? auditedTry(parsed.request) : {};
    expect(JSON.stringify(kept)).to.not.contain('hush');
    expect(kept).to.deep.include({ path: '/a', body_bytes: 4, plugin: 'kafka-upstream' });
  });
});
