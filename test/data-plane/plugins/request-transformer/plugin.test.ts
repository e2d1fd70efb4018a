import { expect } from 'chai';
import { checkedEntities, GuardFixture, guardWith, serviceId, type Request, type Values } from '../guard-fixture.ts';

const form = ['content-type', 'application/x-www-form-urlencoded'];
const json = ['content-type', 'application/json'];

async function passed(config: Values, request: Request) {
  const seen = await (await guardWith('request-transformer', config)).send(request);
  if (seen.passed === undefined) throw new Error(`refused with ${seen.status}`);
  return seen.passed;
}

describe('the request-transformer plugin', () => {
  it('changes headers, the query and a JSON body in one go, with the values of the request as it came', async () => {
    const config = {
      remove: { headers: ['x-user'], querystring: ['id'] },
      add: {
        headers: ['x-id:$(query_params.id)', 'x-who:$(headers.x_user or "nobody")'],
        querystring: ['user:$(headers["X-User"])'],
        body: ['who:$(headers.x_missing or "-")', 'id:$(query_params["id"])'],
      },
    };
    const request = { target: '/a?id=7%2F', headers: ['X-User', 'ada', ...json], body: '{"n":1.50}' };
    const { headers, target, body } = await passed(config, request);
    expect(headers.get('x-user')).to.equal(undefined);
    expect([headers.get('x-id'), headers.get('x-who')]).to.deep.equal(['7/', 'ada']);
    expect(target).to.equal('/a?user=ada');
    expect(body).to.equal('{"n":1.50,"who":"-","id":"7/"}');
    expect(headers.get('content-length')).to.equal(String(body.length));
  });

  const bodies: readonly [what: string, headers: string[], before: string, after: string][] = [
    ['a form', form, 'a=1&b=2', 'b=2&c=3'],
    ['a JSON object', json, '{"a":1,"b":2}', '{"b":2,"c":"3"}'],
    ['another JSON type', ['content-type', 'application/cloudevents+json; charset=utf-8'], '{"a":1}', '{"c":"3"}'],
    ['an empty JSON body', json, '', '{"c":"3"}'],
    ['no list', json, '[1]', '[1]'],
    ['no broken JSON', json, '{"a":', '{"a":'],
    ['no other type', ['content-type', 'text/plain'], 'a=1', 'a=1'],
    ['no encoded body', [...json, 'content-encoding', 'gzip'], '{"a":1}', '{"a":1}'],
    ['nothing without a type', [], 'a=1', 'a=1'],
  ];
  for (const [what, headers, before, after] of bodies) {
    it(`changes the body of ${what}`, async () => {
      const { body } = await passed({ remove: { body: ['a'] }, add: { body: ['c:3'] } }, { headers, body: before });
      expect(body).to.equal(after);
    });
  }

  it('never lets a value of the client begin another header', async () => {
    const config = { add: { headers: ['x-a:$(query_params.a)'] } };
    const { headers } = await passed(config, { target: '/?a=1%0d%0aX-Evil:%201' });
    expect(headers.get('x-a')).to.equal('1  X-Evil: 1');
  });

  describe('what a service gets', () => {
    /** The request as the last stage sees it. */
    async function forwarded(config: Values, request: Request, paths = ['~/u/(?<id>[^/]+)/(.*)', '/']) {
      const guard = new GuardFixture();
      const routes = [{ name: 'r', paths, service: { id: serviceId } }];
      await guard.apply({ routes, plugins: [{ name: 'request-transformer', config }] });
      const seen = await guard.send(request);
      return { ...seen, as: seen.passed?.forwardAs };
    }

    it('is another method, path and host', async () => {
      const config = {
        http_method: 'PUT',
        replace: { uri: '/new/$(uri_captures.id)/$(uri_captures[2])', headers: ['host:other.example'] },
      };
      const { as } = await forwarded(config, { target: '/u/7%20x/b', headers: ['Host', 'a.example'] });
      expect(as).to.deep.equal({ method: 'PUT', path: '/new/7%20x/b', host: 'other.example' });
    });

    it('escapes what a path may not hold, and never leaves it', async () => {
      const config = { replace: { uri: '/new/$(query_params.p)' } };
      const pathOf = async (p: string) => (await forwarded(config, { target: `/?p=${p}` })).as?.path;
      expect(await pathOf('a%20b%3F%23%25%C3%BC')).to.equal('/new/a%20b%3F%23%25%C3%BC');
      for (const escape of ['..', '../x', 'a/../../b', '.', '%2e%2e']) {
        expect((await forwarded(config, { target: `/?p=${escape}` })).status, escape).to.equal(400);
      }
    });

    it('has the fields of a form in the query, with a method that has no body', async () => {
      const { as, passed: seen } = await forwarded(
        { http_method: 'GET' },
        { target: '/?a=1', headers: form, body: 'b=2' },
      );
      expect([as?.method, seen?.target]).to.deep.equal(['GET', '/?a=1&b=2']);
    });
  });
});

describe('the config of request-transformer', () => {
  const refused: readonly [config: Values, words: string][] = [
    [{ add: { headers: ['x'] } }, "expected 'name:value'"],
    [{ add: { headers: [':x'] } }, "expected 'name:value'"],
    [{ add: { headers: ['a b:x'] } }, 'bad header name'],
    [{ add: { headers: ['a:x\r\nb: 1'] } }, 'no control characters'],
    [{ rename: { querystring: ['a:'] } }, "expected 'old:new'"],
    [{ rename: { headers: ['a:Content-Length'] } }, 'frames messages'],
    [{ remove: { headers: ['transfer-encoding'] } }, 'frames messages'],
    [{ add: { body: ['a:$(os.exit())'] } }, 'other Lua is not supported'],
    [{ replace: { uri: 'x' } }, 'should start with: /'],
    [{ http_method: 'get' }, 'upper case'],
    [{ http_method: 'CONNECT' }, 'CONNECT'],
  ];
  for (const [config, words] of refused) {
    it(`is refused: ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'request-transformer', config }] })).to.throw(words);
    });
  }
});
