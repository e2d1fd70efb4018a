import { createServer, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import { KafkaError } from '../../../../data-plane/kafka/client.ts';
import { createLogin } from '../../../../data-plane/kafka/clients/security-login.ts';
import { createTokenSource } from '../../../../data-plane/kafka/clients/security-token.ts';

const scram = { mechanism: 'SCRAM-SHA-256', username: 'a=b,c', password: 'secret', tokenauth: false } as const;
const salt = Buffer.from('salt').toString('base64');

describe('logins against a broker that is not what it should be', () => {
  /** What the broker answers to the first and to the last message of SCRAM. */
  async function loginAgainst(challenge: (nonce: string) => string, verdict: string): Promise<KafkaError | null> {
    const sent: string[] = [];
    const login = createLogin(scram)((message) => {
      sent.push(message.toString());
      const nonce = /r=([^,]+)/.exec(sent[0] ?? '')?.[1] ?? '';
      return Promise.resolve(Buffer.from(sent.length === 1 ? challenge(nonce) : verdict));
    });
    const error = await failureOf(login);
    expect(sent[0]).to.match(/^n,,n=a=3Db=2Cc,r=[\w-]{32}$/);
    expect(sent.join('')).to.not.contain('secret');
    return error;
  }

  const good = (nonce: string) => `r=${nonce}more,s=${salt},i=4096`;
  const cases: [string, (nonce: string) => string, string, RegExp][] = [
    ['a nonce of its own', () => `r=other,s=${salt},i=4096`, '', /wrong challenge/],
    ['a nonce that adds nothing', (nonce) => `r=${nonce},s=${salt},i=4096`, '', /wrong challenge/],
    ['no salt', (nonce) => `r=${nonce}more,i=4096`, '', /wrong challenge/],
    ['too few iterations', (nonce) => `r=${nonce}more,s=${salt},i=1`, '', /iterations/],
    ['too many iterations', (nonce) => `r=${nonce}more,s=${salt},i=900000000`, '', /iterations/],
    ['no number of iterations', (nonce) => `r=${nonce}more,s=${salt}`, '', /iterations/],
    ['a refusal', good, 'e=invalid-proof', /refused the login/],
    ['no proof', good, '', /did not prove/],
    ['a wrong proof', good, `v=${Buffer.alloc(32).toString('base64')}`, /did not prove/],
  ];
  for (const [name, challenge, verdict, message] of cases) {
    it(`SCRAM: ${name}`, async () => {
      const error = await loginAgainst(challenge, verdict);
      expect(error).to.include({ kafkaName: 'AUTHENTICATION_FAILED', retriable: false, wire: 'untouched' });
      expect(error?.message).to.match(message);
    });
  }

  it('a connection that breaks says nothing about the login', async () => {
    const broken = new Error('connection reset');
    const login = createLogin(scram)(() => Promise.reject(broken));
    expect(await login.catch((error: unknown) => error)).to.equal(broken);
  });
});

describe('the token source', () => {
  async function getFrom(answer: (response: ServerResponse) => void) {
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      request.resume();
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const source = createTokenSource({
      mechanism: 'OAUTHBEARER',
      tokenEndpointUrl: `http://127.0.0.1:${port}/`,
      tokenEndpointTlsVerify: true,
      clientId: 'id',
      clientSecret: 'secret',
      scopes: [],
      extensions: {},
    });
    try {
      const results = await Promise.all(
        [source.get(), source.get()].map((token) => token.catch((error: unknown) => error)),
      );
      return { results, requests, source };
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('asks once for all that wait', async () => {
    const { results, requests, source } = await getFrom((response) => response.end('{"access_token":"a.b.c"}'));
    expect(results).to.deep.equal(['a.b.c', 'a.b.c']);
    expect(requests).to.equal(1);
    source.forget('another');
    expect(await source.get()).to.equal('a.b.c');
  });

  const cases: [string, (response: ServerResponse) => void, string, RegExp][] = [
    ['no token', (response) => response.end('{}'), 'AUTHENTICATION_FAILED', /without a usable access_token/],
    ['no JSON', (response) => response.end('<html>'), 'AUTHENTICATION_FAILED', /without a usable access_token/],
    [
      'a token that would change the message',
      (response) => response.end(JSON.stringify({ access_token: 'a\u0001host=evil' })),
      'AUTHENTICATION_FAILED',
      /without a usable access_token/,
    ],
    [
      'a redirect, which is not followed',
      (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      'AUTHENTICATION_FAILED',
      /answered 302$/,
    ],
    [
      'a refusal in free text, which is not told',
      (response) => response.writeHead(400).end('{"error":"the secret is secret"}'),
      'AUTHENTICATION_FAILED',
      /answered 400$/,
    ],
    ['a busy endpoint', (response) => response.writeHead(429).end(), 'CONNECTION_FAILED', /answered 429$/],
    ['a connection that breaks', (response) => response.destroy(), 'CONNECTION_FAILED', /cannot be reached/],
    [
      'an answer that breaks off',
      (response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => response.destroy());
      },
      'CONNECTION_FAILED',
      /cannot be reached/,
    ],
    [
      'an answer without end',
      (response) => response.end('x'.repeat(1_000_000)),
      'CONNECTION_FAILED',
      /cannot be reached/,
    ],
  ];
  for (const [name, answer, kafkaName, message] of cases) {
    it(`fails on ${name}`, async () => {
      const { results } = await getFrom(answer);
      for (const error of results) {
        expect(error).to.be.instanceOf(KafkaError);
        expect(error).to.include({ kafkaName });
        expect(error instanceof KafkaError ? error.message : '').to.match(message);
      }
    });
  }
});

async function failureOf(promise: Promise<void>): Promise<KafkaError | null> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof KafkaError ? error : null;
}
