import { generateKeyPairSync, sign } from 'node:crypto';
import { expect } from 'chai';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import { schemes, type SchemeName } from '../../../../data-plane/plugins/webhook-schemes/schemes.ts';
import { isSigned, isTimely, webhookKey } from '../../../../data-plane/plugins/webhook-schemes/verify.ts';
import { signHeaders, standardSecret } from './sign.ts';

interface Vector {
  readonly source: string;
  readonly scheme: SchemeName;
  readonly secret: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly timestamp: number | null;
  readonly id?: string;
}

/** Signatures that others have published or made. */
const vectors: readonly Vector[] = [
  {
    source: 'the tests of the Standard Webhooks libraries',
    scheme: 'standard',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: [
      'Webhook-Id',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'Webhook-Timestamp',
      '1614265330',
      'Webhook-Signature',
      'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    ],
    body: '{"test": 2432232314}',
    timestamp: 1_614_265_330,
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  },
  {
    source: "Stripe's library stripe-node, webhooks.generateTestHeaderString",
    scheme: 'stripe',
    secret: 'whsec_test_secret',
    headers: ['Stripe-Signature', 't=1492774577,v1=c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812'],
    body: '{\n  "id": "evt_test_webhook",\n  "object": "event"\n}',
    timestamp: 1_492_774_577,
    id: 'evt_test_webhook',
  },
  {
    source: "GitHub's documentation, Validating webhook deliveries",
    scheme: 'github',
    secret: "It's a Secret to Everybody",
    headers: ['X-Hub-Signature-256', 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'],
    body: 'Hello, World!',
    timestamp: null,
  },
  {
    source: "Slack's documentation, Verifying requests from Slack",
    scheme: 'slack',
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    headers: [
      'X-Slack-Request-Timestamp',
      '1531420618',
      'X-Slack-Signature',
      'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    ],
    body: 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
    timestamp: 1_531_420_618,
  },
];

function headOf(scheme: SchemeName, headers: readonly string[]) {
  return schemes[scheme](new HeaderList([...headers]));
}

describe('signatures of webhooks', () => {
  for (const { source, scheme, secret, headers, body, timestamp, id } of vectors) {
    it(`are verified: ${source}`, () => {
      const head = headOf(scheme, headers);
      if (head === undefined) throw new Error('the headers were not read');
      const keys = [webhookKey(scheme, secret)];
      const bytes = Buffer.from(body);
      expect(isSigned(head, bytes, keys)).to.equal(true);
      expect([head.timestamp, head.idOf(bytes)]).to.deep.equal([timestamp, id]);
      expect(isSigned(head, Buffer.from(`${body} `), keys)).to.equal(false);
      expect(isSigned(head, bytes, [webhookKey(scheme, `${secret}BBBB`)])).to.equal(false);
      const others = [webhookKey(scheme, `${secret}BBBB`), ...keys];
      expect(isSigned(head, bytes, others), 'while secrets are changed').to.equal(true);
    });
  }

  it('may be of Ed25519 under Standard Webhooks', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
    const keys = [webhookKey('standard', `whpk_${raw}`)];
    const signature = sign(null, Buffer.from('a.1614265330.{}'), privateKey).toString('base64');
    const both = `v1,${'A'.repeat(43)}= v1a,${signature}`;
    const time = ['webhook-timestamp', '1614265330'];
    const head = headOf('standard', ['webhook-id', 'a', ...time, 'webhook-signature', both]);
    if (head === undefined) throw new Error('the headers were not read');
    expect(isSigned(head, Buffer.from('{}'), keys)).to.equal(true);
    expect(isSigned(head, Buffer.from('{ }'), keys)).to.equal(false);
    expect(isSigned(head, Buffer.from('{}'), [webhookKey('standard', standardSecret)])).to.equal(false);
  });

  const unread: readonly [scheme: SchemeName, headers: readonly string[]][] = [
    ['standard', []],
    ['standard', ['webhook-id', 'a', 'webhook-signature', 'v1,x']],
    ['standard', ['webhook-id', '', 'webhook-timestamp', '1', 'webhook-signature', 'v1,x']],
    ['standard', ['webhook-id', 'a', 'webhook-timestamp', '1e3', 'webhook-signature', 'v1,x']],
    ['standard', ['webhook-id', 'a', 'webhook-id', 'b', 'webhook-timestamp', '1', 'webhook-signature', 'v1,x']],
    ['stripe', ['stripe-signature', 'v1=00']],
    ['stripe', ['stripe-signature', 't=1,t=2,v1=00']],
    ['stripe', ['stripe-signature', 't=-1,v1=00']],
    ['github', ['x-hub-signature', 'sha1=00']],
    ['github', ['x-hub-signature-256', 'sha1=00']],
    ['slack', ['x-slack-signature', 'v0=00']],
    ['slack', ['x-slack-request-timestamp', '1', 'x-slack-signature', 'v1=00']],
  ];
  for (const [scheme, headers] of unread) {
    it(`are none in ${scheme}: ${JSON.stringify(headers)}`, () => {
      expect(headOf(scheme, headers)).to.equal(undefined);
    });
  }

  const noSignature: readonly [scheme: SchemeName, headers: readonly string[]][] = [
    ['standard', ['webhook-id', 'a', 'webhook-timestamp', '1', 'webhook-signature', 'v2,x v1 v1, v1,!']],
    ['stripe', ['stripe-signature', `t=1,v0=${'0'.repeat(64)},v1=${'0'.repeat(63)}`]],
    ['github', ['x-hub-signature-256', 'sha256=']],
    ['slack', ['x-slack-request-timestamp', '1', 'x-slack-signature', 'v0=x']],
  ];
  for (const [scheme, headers] of noSignature) {
    it(`are none of a known form in ${scheme}: ${JSON.stringify(headers)}`, () => {
      expect(headOf(scheme, headers)?.signatures).to.deep.equal([]);
    });
  }

  it('are tried ten of a request at most', () => {
    const [, , , , , last = ''] = signHeaders('standard', '{}');
    const many = `${'v2,x '.repeat(10)}${last}`;
    const headers = ['webhook-id', 'msg_1', 'webhook-timestamp', '1', 'webhook-signature', many];
    expect(headOf('standard', headers)?.signatures).to.deep.equal([]);
  });

  it('are timely as far from now in the past as in the future', () => {
    const head = headOf('slack', signHeaders('slack', '', { timestamp: 1000 }));
    if (head === undefined) throw new Error('the headers were not read');
    const seconds = [689, 700, 1000, 1300, 1301];
    expect(seconds.map((now) => isTimely(head, 300, now * 1000))).to.deep.equal([false, true, true, true, false]);
  });
});
