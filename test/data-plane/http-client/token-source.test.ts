import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import { jwtVerify } from 'jose';
import { Registry } from 'prom-client';
import { createTokenSource, TokenError, type OAuthSettings } from '../../../data-plane/http-client/token-source.ts';
import type { EncoderOptions, Encoders } from '../../../data-plane/schemas/encoder.ts';
import { createEncoders } from '../../../data-plane/schemas/encoders.ts';
import { RequestError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';

interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A token endpoint (`/token`) and a registry on one port: each test says how they answer. */
describe('access tokens for a registry', () => {
  let server: Server;
  let url: string;
  let asked: Asked[];
  let answerToken: (response: ServerResponse) => void;
  let registryStatus: (authorization: string | undefined) => number;
  let issued: number;
  const issue = (fields: object = {}): ((response: ServerResponse) => void) => {
    return (response) => {
      issued++;
      response.end(
        JSON.stringify({ access_token: `token-${issued}`, token_type: 'Bearer', expires_in: 60, ...fields }),
      );
    };
  };

  beforeEach((done) => {
    asked = [];
    issued = 0;
    answerToken = issue();
    registryStatus = () => 200;
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { url: path = '', headers } = request;
        asked.push({ path, headers, body });
        if (path === '/token') answerToken(response);
        else {
          response.statusCode = registryStatus(headers.authorization);
          response.end(JSON.stringify({ id: 7, schema: '"int"' }));
        }
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
      done();
    });
  });
  afterEach((done) => {
    server.closeAllConnections();
    server.close(done);
  });

  function settings(fields: Partial<OAuthSettings> = {}): OAuthSettings {
    return {
      tokenEndpoint: `${url}/token`,
      grantType: 'client_credentials',
      clientAuth: 'client_secret_post',
      clientId: 'me',
      clientSecret: 'ge:heim ü',
      username: null,
      password: null,
      scopes: ['openid', 'b'],
      audience: [],
      headers: {},
      postArgs: {},
      timeoutMs: 2_000,
      keepAlive: true,
      sslVerify: true,
      jwtAlgorithm: 'HS512',
      proxies: { http: null, https: null, except: null },
      ...fields,
    };
  }

  const basic = `Basic ${Buffer.from('me:ge%3Aheim+%C3%BC').toString('base64')}`;
  const requests: [what: string, fields: Partial<OAuthSettings>, form: object, authorization: string | undefined][] = [
    [
      'client_secret_post',
      {},
      { grant_type: 'client_credentials', scope: 'openid b', client_id: 'me', client_secret: 'ge:heim ü' },
      undefined,
    ],
    [
      'client_secret_basic',
      { clientAuth: 'client_secret_basic' },
      { grant_type: 'client_credentials', scope: 'openid b' },
      basic,
    ],
    [
      'none, without scopes',
      { clientAuth: 'none', scopes: [] },
      { grant_type: 'client_credentials', client_id: 'me' },
      undefined,
    ],
    [
      'the password grant',
      { grantType: 'password', username: 'u', password: 'p&', clientAuth: 'client_secret_basic', scopes: ['s'] },
      { grant_type: 'password', username: 'u', password: 'p&', scope: 's' },
      basic,
    ],
    [
      'audience and further fields',
      { clientAuth: 'none', scopes: [], audience: ['a'], postArgs: { resource: 'r' } },
      { grant_type: 'client_credentials', client_id: 'me', audience: 'a', resource: 'r' },
      undefined,
    ],
  ];
  for (const [what, fields, form, authorization] of requests) {
    it(`are asked for with ${what}`, async () => {
      const tokens = createTokenSource({ settings: settings({ headers: { 'X-Tenant': 't' }, ...fields }) });
      expect(await tokens.get()).to.equal('token-1');
      expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).to.deep.equal(form);
      expect(asked[0]?.headers).to.include({ 'x-tenant': 't', 'content-type': 'application/x-www-form-urlencoded' });
      expect(asked[0]?.headers.authorization).to.equal(authorization);
      tokens.close();
    });
  }

  for (const jwtAlgorithm of ['HS256', 'HS512'] as const) {
    it(`are asked for with client_secret_jwt, signed by ${jwtAlgorithm}, anew each time`, async () => {
      const tokens = createTokenSource({ settings: settings({ clientAuth: 'client_secret_jwt', jwtAlgorithm }) });
      tokens.drop(await tokens.get());
      await tokens.get();
      const forms = asked.map(({ body }) => new URLSearchParams(body));
      const ids = forms.map(async (form) => {
        expect([...form.keys()]).to.have.members([
          'grant_type',
          'scope',
          'client_id',
          'client_assertion_type',
          'client_assertion',
        ]);
        expect(form.get('client_assertion_type')).to.equal('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
        const key = new TextEncoder().encode('ge:heim ü');
        const { payload } = await jwtVerify(form.get('client_assertion') ?? '', key, {
          algorithms: [jwtAlgorithm],
          issuer: 'me',
          subject: 'me',
          audience: `${url}/token`,
          requiredClaims: ['exp', 'iat', 'jti'],
        });
        expect((payload.exp ?? 0) - (payload.iat ?? 0)).to.equal(60);
        return payload.jti;
      });
      expect(new Set(await Promise.all(ids)).size).to.equal(2);
      tokens.close();
    });
  }

  it('name each audience', async () => {
    const tokens = createTokenSource({ settings: settings({ audience: ['a', 'b'] }) });
    await tokens.get();
    expect(new URLSearchParams(asked[0]?.body).getAll('audience')).to.deep.equal(['a', 'b']);
    tokens.close();
  });

  it('are kept until shortly before they expire, and asked for once by many', async () => {
    const lives: [fields: object, keptSeconds: number][] = [
      [{ expires_in: 60 }, 48],
      [{ expires_in: '3600' }, 3540],
      [{ expires_in: undefined }, 240],
      [{ expires_in: -1 }, 240],
    ];
    for (const [fields, keptSeconds] of lives) {
      let nowMs = 0;
      answerToken = issue(fields);
      const tokens = createTokenSource({ settings: settings(), now: () => nowMs });
      const [first] = await Promise.all([tokens.get(), tokens.get(), tokens.get()]);
      nowMs = keptSeconds * 1000 - 1;
      expect(await tokens.get()).to.equal(first);
      nowMs += 1;
      const second = await tokens.get();
      expect(second).not.to.equal(first);
      tokens.drop(first);
      expect(await tokens.get()).to.equal(second);
      tokens.drop(second);
      expect(await tokens.get()).not.to.equal(second);
      tokens.close();
    }
  });

  const refusals: [what: string, answer: (response: ServerResponse) => void, isTransient: boolean, message: RegExp][] =
    [
      ['no token', (response) => response.end('{}'), false, /without a usable access_token$/],
      ['no JSON', (response) => response.end('<html>'), false, /without a usable access_token$/],
      [
        'a token that would change the message that it is put into',
        (response) => response.end(JSON.stringify({ access_token: 'a\u0001host=evil' })),
        false,
        /without a usable access_token$/,
      ],
      [
        'a redirect, which is not followed',
        (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
        false,
        /answered 302$/,
      ],
      [
        'a refusal in free text, which is not told',
        (response) => response.writeHead(400).end('{"error":"the secret is ge:heim"}'),
        false,
        /answered 400$/,
      ],
      [
        'a refusal by one of the codes of RFC 6749',
        (response) => response.writeHead(401).end('{"error":"invalid_client"}'),
        false,
        /answered 401 \(invalid_client\)$/,
      ],
      ['a busy endpoint', (response) => response.writeHead(429).end(), true, /answered 429$/],
      ['a connection that breaks', (response) => response.destroy(), true, /cannot be reached: /],
      [
        'an answer that breaks off',
        (response) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('{', () => response.destroy());
        },
        true,
        /cannot be reached: /,
      ],
      [
        'an answer without end',
        (response) => response.end('x'.repeat(1_000_000)),
        true,
        /cannot be reached: its answer is larger than 262144 bytes$/,
      ],
    ];
  for (const keepAlive of [true, false]) {
    for (const [what, answer, isTransient, message] of refusals) {
      it(`cannot be obtained from ${what}${keepAlive ? '' : ' (connections are not kept)'}`, async () => {
        answerToken = answer;
        const tokens = createTokenSource({ settings: settings({ keepAlive }) });
        const results = await Promise.all(
          [tokens.get(), tokens.get()].map((token) => token.catch((error: unknown) => error)),
        );
        expect(asked).to.have.lengthOf(1);
        for (const error of results) {
          expect(error).to.be.instanceOf(TokenError);
          expect(error).to.include({ isTransient });
          expect(error instanceof TokenError ? error.message : '').to.match(message);
        }
        tokens.close();
      });
    }
  }

  describe('at an encoder', () => {
    let encoders: Encoders;
    let lines: string[];
    beforeEach(() => {
      lines = [];
      const logger = createLogger({ level: 'debug', format: 'json', write: (line) => void lines.push(line) });
      encoders = createEncoders({ logger, metrics: new Registry(), registryTimeoutMs: 500 });
    });
    afterEach(() => encoders.close());

    async function encode(fields: Partial<OAuthSettings> = {}, waitMs = 5_000): Promise<Buffer | RequestError> {
      const options: EncoderOptions = {
        registry: {
          url,
          ttlSeconds: 60,
          sslVerify: true,
          authentication: { mode: 'oauth2', oauth: settings(fields) },
          headers: {},
        },
        subjectName: 's',
        schemaVersion: 'latest',
        payloadEncoding: 'auto',
        messageName: null,
        subjectNameStrategy: 'subject_name',
        role: 'value',
      };
      try {
        return await encoders.acquire(options).encode('t', '1', performance.now() + waitMs);
      } catch (error) {
        if (error instanceof RequestError) return error;
        throw error;
      }
    }

    it('are sent to the registry', async () => {
      expect(await encode()).to.deep.equal(Buffer.from([0, 0, 0, 0, 7, 2]));
      expect(asked.map(({ path }) => path)).to.deep.equal(['/token', '/subjects/s/versions/latest']);
      expect(asked[1]?.headers.authorization).to.equal('Bearer token-1');
    });

    it('are fetched anew, once, when the registry refuses one', async () => {
      registryStatus = (authorization) => (authorization === 'Bearer token-2' ? 200 : 401);
      expect(await encode()).to.be.instanceOf(Buffer);
      expect(issued).to.equal(2);
      registryStatus = () => 401;
      expect(await encode({ scopes: [] })).to.include({ code: 'SCHEMA_REGISTRY_UNAVAILABLE', status: 503 });
      expect(issued).to.equal(4);
    });

    const failures: [what: string, answer: (response: ServerResponse) => void, message: RegExp][] = [
      [
        'a refusal',
        (response) => response.writeHead(401).end('{"error":"invalid_client"}'),
        /the token endpoint answered 401 \(invalid_client\)/,
      ],
      [
        'an answer that repeats the secret',
        (response) => response.writeHead(400).end('{"error":"ge:heim ü","error_description":"ge:heim ü"}'),
        /the token endpoint answered 400"/,
      ],
      ['an error page', (response) => response.writeHead(502).end('<html>'), /answered 502/],
      ['no token', (response) => response.end('{}'), /without a usable access_token/],
      [
        'a token that is no header',
        (response) => response.end('{"access_token":"a\\r\\nb"}'),
        /without a usable access_token/,
      ],
      ['a closed connection', (response) => response.destroy(), /the token endpoint cannot be reached: /],
      ['silence', () => {}, /the token endpoint cannot be reached: no answer within 100 ms/],
    ];
    for (const [what, answer, message] of failures) {
      it(`that cannot be had (${what}) are the registry's failure, and no secret is told`, async () => {
        answerToken = answer;
        const error = await encode({ timeoutMs: what === 'silence' ? 100 : 2_000, clientAuth: 'client_secret_basic' });
        expect(error).to.include({ code: 'SCHEMA_REGISTRY_UNAVAILABLE', status: 503, outcome: 'not_sent' });
        expect(error).to.have.property('message').that.equals('The schema registry cannot be asked at present.');
        expect(lines.join('')).to.match(message);
        expect(asked.map(({ path }) => path)).to.deep.equal(['/token']);
        const told = `${JSON.stringify(error)} ${String(error)} ${lines.join('')}`;
        expect(told).not.to.match(/ge:heim|ge%3Aheim|Basic /);
        expect(told).not.to.include(basic.slice(6));
      });
    }

    it('are waited for no longer than the request may', async () => {
      answerToken = () => {};
      const startedAtMs = performance.now();
      expect(await encode({ timeoutMs: 5_000 }, 100)).to.include({ code: 'SCHEMA_REGISTRY_UNAVAILABLE' });
      expect(performance.now() - startedAtMs).to.be.lessThan(3_000);
    });
  });
});
