import { expect } from 'chai';
import { ada, checkedEntities, guardWith, GuardFixture, people, type Values } from '../guard-fixture.ts';
import { plainSecret, signHeaders, standardSecret } from '../webhook-schemes/sign.ts';

const id = '44444444-4444-4444-8444-444444444444';
const standard = { scheme: 'standard', secrets: [standardSecret] };

describe('the webhook-signature plugin', () => {
  for (const scheme of ['standard', 'stripe', 'github', 'slack'] as const) {
    it(`lets pass what ${scheme} signed, byte for byte, and nothing else`, async () => {
      const secrets = [scheme === 'standard' ? standardSecret : plainSecret];
      const guard = await guardWith('webhook-signature', { scheme, secrets });
      const body = '{"a" :\t1, "ü": "\u0000"}';
      const headers = signHeaders(scheme, body);
      const passed = await guard.send({ headers, body });
      expect([passed.status, passed.passed?.body]).to.deep.equal([200, body]);
      const changed = await guard.send({ headers, body: body.replace('1', '2') });
      expect([changed.status, changed.message]).to.deep.equal([401, 'The webhook signature is not valid']);
      expect(changed.headers.get('www-authenticate')).to.equal('Signature');
      const unsigned = await guard.send({ body });
      expect([unsigned.status, unsigned.message]).to.deep.equal([401, 'No webhook signature found']);
    });

    if (scheme === 'github') continue;
    it(`refuses ${scheme}'s signatures of another time`, async () => {
      const secrets = [scheme === 'standard' ? standardSecret : plainSecret];
      const guard = await guardWith('webhook-signature', { scheme, secrets, tolerance: 60 });
      for (const offsetS of [-70, 70]) {
        const timestamp = Math.floor(Date.now() / 1000) + offsetS;
        const { status, message } = await guard.send({ headers: signHeaders(scheme, '', { timestamp }) });
        expect([status, message]).to.deep.equal([401, 'The time of the webhook signature is outside the tolerance']);
      }
    });
  }

  it('takes the signature of any secret, also one that a reference stands for', async () => {
    const guard = await guardWith('webhook-signature', {
      scheme: 'github',
      secrets: ['another', '{vault://env/SECRET}'],
    });
    const headers = signHeaders('github', 'b', { secret: 'from-env' });
    expect((await guard.send({ headers, body: 'b' })).status).to.equal(200);
  });

  it('refuses a secret from the environment that the scheme cannot use', async () => {
    const config = { scheme: 'standard', secrets: ['{vault://env/SECRET}'] };
    const failure = await guardWith('webhook-signature', config).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    expect(failure).to.contain('whsec_').and.not.contain('from-env');
  });

  it('lets a valid signature stand for a consumer', async () => {
    const guard = await guardWith('webhook-signature', { ...standard, consumer: 'ada' }, people);
    const { passed } = await guard.send({ headers: signHeaders('standard', '') });
    expect(passed?.headers.get('x-consumer-id')).to.equal(ada.id);
    expect(passed?.headers.get('x-consumer-username')).to.equal('ada');
    const lost = await guardWith('webhook-signature', { ...standard, consumer: 'nobody' }, people);
    expect((await lost.send({ headers: signHeaders('standard', '') })).status).to.equal(500);
    expect(lost.lines.join()).to.contain('consumer_missing');
  });
});

describe('a repeated webhook', () => {
  const signed = (message: string) => ({ headers: signHeaders('standard', '{}', { id: message }), body: '{}' });

  it('is answered 200 and not written again, once its record is acked', async () => {
    const guard = await guardWith('webhook-signature', { ...standard, replay_window: 60 });
    guard.serviceResult = { outcome: 'not_sent' };
    expect((await guard.send(signed('a'))).passed).not.to.equal(undefined);
    guard.serviceResult = { outcome: 'acked' };
    expect((await guard.send(signed('a'))).passed, 'its record was not written').not.to.equal(undefined);
    const repeated = await guard.send(signed('a'));
    expect([repeated.status, repeated.passed]).to.deep.equal([200, undefined]);
    expect(JSON.parse(repeated.body)).to.deep.equal({ duplicate: true, request_id: 'request-1' });
    expect((await guard.send(signed('b'))).passed).not.to.equal(undefined);
  });

  it('is known by the event id under the scheme of Stripe', async () => {
    const guard = await guardWith('webhook-signature', {
      scheme: 'stripe',
      secrets: [plainSecret],
      replay_window: 60,
    });
    const of = (body: string, timestamp?: number) => ({
      headers: signHeaders('stripe', body, timestamp === undefined ? {} : { timestamp }),
      body,
    });
    await guard.send(of('{"id":"evt_1"}'));
    const later = Math.floor(Date.now() / 1000) + 5;
    expect((await guard.send(of('{"id":"evt_1"}', later))).passed).to.equal(undefined);
    for (const body of ['no json', '{"id":7}', '[]']) {
      await guard.send(of(body));
      expect((await guard.send(of(body))).passed, body).not.to.equal(undefined);
    }
  });

  it('must be signed: an id alone says nothing', async () => {
    const guard = await guardWith('webhook-signature', { ...standard, replay_window: 60 });
    await guard.send(signed('a'));
    const forged = ['webhook-id', 'a', 'webhook-timestamp', '1', 'webhook-signature', `v1,${'A'.repeat(43)}=`];
    expect((await guard.send({ headers: forged, body: '{}' })).status).to.equal(401);
  });

  it('is known after a change of the plugin, and forgotten with it', async () => {
    const guard = new GuardFixture();
    const withWindow = (more: Values) =>
      guard.apply({
        plugins: [{ id, name: 'webhook-signature', config: { ...standard, replay_window: 60, ...more } }],
      });
    await withWindow({});
    await guard.send(signed('a'));
    await withWindow({ replay_max: 5 });
    expect((await guard.send(signed('a'))).passed).to.equal(undefined);
    await guard.apply({});
    await withWindow({});
    expect((await guard.send(signed('a'))).passed).not.to.equal(undefined);
  });
});

describe('the config of webhook-signature', () => {
  const refused: readonly [config: Values, words: string][] = [
    [{ scheme: 'other', secrets: ['a'] }, 'expected one of'],
    [{ scheme: 'github', secrets: [] }, 'length must be at least 1'],
    [{ scheme: 'github', secrets: Array.from({ length: 11 }, () => 'a') }, 'length must be at most 10'],
    [{ scheme: 'github', secrets: ['a'], replay_window: 1 }, "the scheme 'github' signs no id"],
    [{ scheme: 'slack', secrets: ['a'], replay_window: 1 }, "the scheme 'slack' signs no id"],
    [{ scheme: 'standard', secrets: ['whsec_!'] }, "expected 'whsec_' or 'whpk_' and base64"],
    [{ scheme: 'standard', secrets: ['whpk_AAAA'] }, 'expected a public key of 32 bytes'],
  ];
  for (const [config, words] of refused) {
    it(`is refused: ${JSON.stringify(config)}`, () => {
      expect(() => checkedEntities({ plugins: [{ name: 'webhook-signature', config }] })).to.throw(words);
    });
  }
});
