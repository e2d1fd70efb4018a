import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { checkedEntities, GuardFixture, guardWith, type Values } from '../guard-fixture.ts';

const json = ['Content-Type', 'application/json; charset=utf-8'];

async function answered(config: Values, headers: readonly string[], body: GuardFixture['serviceBody']) {
  const guard = await guardWith('response-transformer', config);
  guard.serviceHeaders = headers;
  guard.serviceBody = body;
  return guard.send();
}

describe('the response-transformer plugin', () => {
  it('changes headers of a service', async () => {
    const config = {
      remove: { headers: ['Server'] },
      rename: { headers: ['x-old:X-New'] },
      replace: { headers: ['x-a:1', 'x-none:1'] },
      add: { headers: ['x-b:2', 'x-a:2'] },
      append: { headers: ['Set-Cookie:c=3'] },
    };
    const { headers } = await answered(config, ['server', 's', 'X-Old', 'o', 'X-A', '0', 'Set-Cookie', 'd=4'], '');
    expect([...headers.entries()]).to.deep.equal([
      ['set-cookie', 'd=4'],
      ['x-new', 'o'],
      ['x-a', '1'],
      ['x-b', '2'],
      ['set-cookie', 'c=3'],
    ]);
  });

  const config = {
    remove: { json: ['secret'] },
    rename: { json: ['old:new'] },
    replace: { json: ['n:2'], json_types: ['number'] },
    add: { json: ['ok:true', 'text:true'], json_types: ['boolean'] },
    append: { json: ['list:x'] },
  };
  const before = '{"secret":1,"old":1.50,"n":1,"list":[0]}';
  const after = '{"n":2,"list":[0,"x"],"new":1.50,"ok":true,"text":"true"}';

  const bodies: readonly [what: string, headers: readonly string[], make: () => GuardFixture['serviceBody']][] = [
    ['whole', json, () => before],
    ['in pieces', json, () => Readable.from([Buffer.from(before.slice(0, 9)), Buffer.from(before.slice(9))])],
    ['with a length', [...json, 'Content-Length', String(before.length)], () => Readable.from([Buffer.from(before)])],
    ['compressed', [...json, 'Content-Encoding', 'gzip'], () => Readable.from([gzipSync(before)])],
  ];
  for (const [what, headers, make] of bodies) {
    it(`changes a JSON body that comes ${what}`, async () => {
      const seen = await answered(config, headers, make());
      expect([seen.status, seen.body]).to.deep.equal([200, after]);
      expect(seen.headers.get('content-length')).to.equal(undefined);
      expect(seen.headers.get('content-encoding')).to.equal(undefined);
    });
  }

  const unread: readonly [what: string, headers: readonly string[], make: () => GuardFixture['serviceBody']][] = [
    ['is larger than the node reads', json, () => Readable.from([Buffer.alloc(1 << 20), Buffer.alloc(9)])],
    [
      'grows beyond that',
      [...json, 'Content-Encoding', 'gzip'],
      () => Readable.from([gzipSync(Buffer.alloc(2 << 20))]),
    ],
    ['has an unknown encoding', [...json, 'Content-Encoding', 'zip'], () => Readable.from([Buffer.from('x')])],
    [
      'breaks off',
      json,
      () =>
        Readable.from(
          (function* () {
            yield Buffer.from('{');
            throw new Error('cut');
          })(),
        ),
    ],
  ];
  for (const [what, headers, make] of unread) {
    it(`does not let a JSON body pass that ${what}`, async () => {
      const { status, message } = await answered(config, headers, make());
      expect([status, message]).to.deep.equal([502, 'The answer of the service cannot be read whole']);
    });
  }

  it('leaves other bodies alone', async () => {
    expect((await answered(config, ['Content-Type', 'text/plain'], before)).body).to.equal(before);
    expect((await answered(config, json, '[1]')).body).to.equal('[1]');
  });

  it('changes our own refusals too', async () => {
    const guard = new GuardFixture();
    const transform = { name: 'response-transformer', config: { rename: { json: ['message:error'] } } };
    const answer = { name: 'request-termination', config: { status_code: 418, message: 'tea' } };
    await guard.apply({ plugins: [transform, answer] });
    const { status, body } = await guard.send();
    expect([status, JSON.parse(body)]).to.deep.equal([418, { request_id: 'request-1', error: 'tea' }]);
  });
});

describe('the config of response-transformer', () => {
  const refused: readonly [config: Values, words: string][] = [
    [{ add: { json: ['a:x'], json_types: ['number'] } }, 'expected a value of the type number'],
    [{ add: { json: ['a:yes'], json_types: ['boolean'] } }, 'expected a value of the type boolean'],
    [{ add: { json: [], json_types: ['number'] } }, 'no more types than values'],
    [{ add: { json_types: ['date'], json: ['a:1'] } }, 'expected one of'],
    [{ replace: { headers: ['Content-Length:1'] } }, 'frames messages'],
  ];
  for (const [config, words] of refused) {
    it(`is refused: ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'response-transformer', config }] })).to.throw(words);
    });
  }
});
