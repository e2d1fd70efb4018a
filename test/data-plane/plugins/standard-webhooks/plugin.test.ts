import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { guardWith } from '../guard-fixture.ts';
import { signHeaders, standardSecret } from '../webhook-schemes/sign.ts';

const body = '{"test": 2432232314}';

describe('the standard-webhooks plugin', () => {
  it('lets signed webhooks pass and answers all others 400', async () => {
    const guard = await guardWith('standard-webhooks', { secret_v1: standardSecret });
    expect((await guard.send({ headers: signHeaders('standard', body), body })).status).to.equal(200);
    const now = Math.floor(Date.now() / 1000);
    const others = [
      { headers: signHeaders('standard', body), body: `${body} ` },
      { headers: signHeaders('standard', ''), body: '' },
      { headers: signHeaders('standard', body, { timestamp: now - 310 }), body },
      { headers: signHeaders('standard', body, { timestamp: now + 310 }), body },
      { headers: signHeaders('standard', body).slice(2), body },
      { body },
    ];
    for (const request of others) {
      const { status, message } = await guard.send(request);
      expect([status, message]).to.deep.equal([400, 'Bad request']);
    }
  });

  it("takes Kong's signatures, whose key is the text of the secret", async () => {
    const secret = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const guard = await guardWith('standard-webhooks', { secret_v1: secret });
    const timestamp = Math.floor(Date.now() / 1000);
    const byText = createHmac('sha256', secret).update(`msg_1.${timestamp}.${body}`).digest('base64');
    const headers = signHeaders('standard', body, { secret });
    expect((await guard.send({ headers, body })).status).to.equal(200);
    headers[5] = `v1,${byText}`;
    headers[3] = String(timestamp);
    expect((await guard.send({ headers, body })).status).to.equal(200);
  });
});
