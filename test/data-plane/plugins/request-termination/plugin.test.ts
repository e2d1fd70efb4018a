import { expect } from 'chai';
import { checkedEntities, guardWith, type Request, type Values } from '../guard-fixture.ts';

describe('the request-termination plugin', () => {
  const answers: readonly [title: string, config: Values, request: Request, status: number, message: unknown][] = [
    ['with 503', {}, {}, 503, 'Service unavailable'],
    ['with the message of the status', { status_code: 404 }, {}, 404, 'Not found'],
    ['with a message of its own', { status_code: 418, message: 'tea' }, {}, 418, 'tea'],
    ['where the trigger is a header', { trigger: 'X-Stop' }, { headers: ['x-stop', ''] }, 503, 'Service unavailable'],
    ['where the trigger is an argument', { trigger: 'stop' }, { target: '/?stop' }, 503, 'Service unavailable'],
    ['not where the trigger is missing', { trigger: 'stop' }, { target: '/?stops=1' }, 200, undefined],
  ];
  for (const [title, config, request, status, message] of answers) {
    it(`answers ${title}`, async () => {
      const seen = await (await guardWith('request-termination', config)).send(request);
      expect([seen.status, seen.message]).to.deep.equal([status, message]);
    });
  }

  it('answers with a body of a type', async () => {
    const config = { status_code: 200, body: '<p>later</p>', content_type: 'text/html' };
    const { body, headers } = await (await guardWith('request-termination', config)).send();
    expect([body, headers.get('content-type')]).to.deep.equal(['<p>later</p>', 'text/html']);
  });

  it('echoes the request', async () => {
    const guard = await guardWith('request-termination', { echo: true, status_code: 200 });
    const { body } = await guard.send({ target: '/a?b=1', headers: ['x-a', '1'], body: 'text' });
    const echoed = JSON.parse(body) as { request: Values };
    expect(echoed.request).to.deep.include({ method: 'POST', path: '/a', query: 'b=1', raw_body: 'text' });
    expect(echoed.request['headers']).to.deep.equal({ 'x-a': '1' });
  });

  const refused: readonly [config: Values, fault: string][] = [
    [{ status_code: 99 }, 'value should be between 100 and 599'],
    [{ message: 'm', body: 'b' }, 'message cannot be used with content_type or body'],
    [{ content_type: 'text/html' }, 'content_type requires a body'],
    [{ echo: true, body: 'b' }, 'echo cannot be used with content_type and body'],
    [{ trigger: 'a b' }, "bad header name 'a b'"],
  ];
  for (const [config, fault] of refused) {
    it(`refuses the config ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'request-termination', config }] })).to.throw(fault);
    });
  }
});
