import { createServer, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import { KafkaError } from '../../../../data-plane/kafka/kafka-error.ts';
import { createLogin } from '../../../../data-plane/kafka/clients/security-login.ts';

const scram = { mechanism: 'SCRAM-SHA-256', username: 'a=b,c', password: 'secret', tokenauth: false } as const;
const salt = Buffer.from('salt').toString('base64');
const refusedLogin = { kafkaName: 'AUTHENTICATION_FAILED', retriable: false, wire: 'untouched' };
const noConnection = { kafkaName: 'CONNECTION_FAILED', retriable: true, wire: 'untouched' };

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

describe('a login by a token', () => {
  /** Logs in twice at once against a token endpoint that answers so; gives what each sent to the broker, or its error. */
  async function logInTwice(answer: (response: ServerResponse) => void) {
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      request.resume();
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const login = createLogin({
      mechanism: 'OAUTHBEARER',
      tokenEndpointUrl: `http://127.0.0.1:${port}/`,
      tokenEndpointTlsVerify: true,
      clientId: 'id',
      clientSecret: 'secret',
      scopes: [],
      extensions: {},
    });
    const once = async (): Promise<unknown> => {
      let sent = '';
      try {
        await login((message) => {
          sent += message.toString();
          return Promise.resolve(Buffer.alloc(0));
        });
      } catch (error) {
        return error;
      }
      return sent;
    };
    try {
      return { results: await Promise.all([once(), once()]), requests, again: once };
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('asks once for all connections that wait, and keeps the token', async () => {
    const { results, requests, again } = await logInTwice((response) => response.end('{"access_token":"a.b.c"}'));
    const message = 'n,,\u0001auth=Bearer a.b.c\u0001\u0001';
    expect(results).to.deep.equal([message, message]);
    expect(requests).to.equal(1);
    expect(await again()).to.equal(message);
  });

  const cases: [string, (response: ServerResponse) => void, object, RegExp][] = [
    ['refuses', (response) => response.writeHead(400).end(), refusedLogin, /answered 400$/],
    ['answers without a token', (response) => response.end('{}'), refusedLogin, /without a usable access_token$/],
    ['is busy', (response) => response.writeHead(429).end(), noConnection, /answered 429$/],
    ['breaks the connection', (response) => response.destroy(), noConnection, /cannot be reached/],
  ];
  for (const [name, answer, fields, message] of cases) {
    it(`fails when the token endpoint ${name}`, async () => {
      const { results } = await logInTwice(answer);
      for (const error of results) {
        expect(error).to.be.instanceOf(KafkaError);
        expect(error).to.include(fields);
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
