import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import type { RegistrySettings } from '../../../data-plane/schemas/encoder.ts';
import { defaultAnswerBytesMax } from '../../../data-plane/http-client/http-client.ts';
import { SchemaUnusableError, type SchemaSource } from '../../../data-plane/schemas/formats/format.ts';
import { createRegistryClient, type RegistryClient } from '../../../data-plane/schemas/registry-client.ts';
import { RegistryState } from '../../../data-plane/schemas/registry-state.ts';
import { reasonOf } from '../../../data-plane/schemas/schema-error.ts';
import { RequestError } from '../../../shared/errors.ts';

/** What the real registry cannot do: slow, wrong and lying ones. */
describe('registry client', () => {
  let server: Server;
  let url: string;
  let paths: string[];
  let headers: IncomingHttpHeaders;
  let answer: (response: ServerResponse, path: string) => void;
  let client: RegistryClient;
  let state: RegistryState;
  /** Registry and result of each request. */
  let results: string[];

  beforeEach((done) => {
    paths = [];
    results = [];
    server = createServer((request, response) => {
      paths.push(request.url ?? '');
      headers = request.headers;
      answer(response, request.url ?? '');
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      url = typeof address === 'object' ? `http://127.0.0.1:${address?.port}` : '';
      client = open();
      done();
    });
  });
  afterEach((done) => {
    client.close();
    server.closeAllConnections();
    server.close(done);
  });

  function open(fields: Partial<RegistrySettings> = {}, timeoutMs = 5_000): RegistryClient {
    return createRegistryClient({
      settings: { url, ttlSeconds: 60, sslVerify: true, authentication: { mode: 'none' }, headers: {}, ...fields },
      metrics: {
        latency: { observe: () => {} },
        count: (registry, result) => void results.push(`${registry} ${result}`),
      },
      state: (state = new RegistryState(url)),
      timeoutMs,
    });
  }

  /** Fetches a schema and all that it refers to. */
  async function resolved(version = '1'): Promise<SchemaSource> {
    return client.resolve(await client.fetch('s', version));
  }

  /** The error's status, code and reason, as it stands in the log. */
  async function outcome(fetching: Promise<unknown>): Promise<string> {
    try {
      await fetching;
      return 'fetched';
    } catch (error) {
      if (error instanceof SchemaUnusableError) return `unusable (lasting: ${error.isLasting}): ${error.message}`;
      if (error instanceof RequestError) {
        expect(error.message).not.to.match(/'|127\.0|answered|\ds\b/);
        return `${error.status} ${error.code}: ${reasonOf(error)}`;
      }
      throw error;
    }
  }

  const json = (body: unknown, status = 200) => {
    return (response: ServerResponse): void => void response.writeHead(status).end(JSON.stringify(body));
  };
  const good = { subject: 's', version: 1, id: 7, schema: '"int"' };

  it('asks for the subject and version by their names, with the extra headers and no query', async () => {
    answer = json(good);
    client.close();
    client = open({
      url: `${url}/base/`,
      headers: { 'target-sr-cluster': 'lsrc-1', 'Confluent-Identity-Pool-Id': 'pool-1' },
    });
    expect(await client.fetch('a/b ü', '3')).to.deep.equal({
      id: 7,
      version: 1,
      type: 'AVRO',
      text: '"int"',
      references: [],
      rules: [],
    });
    expect(paths).to.deep.equal(['/base/subjects/a%2Fb%20%C3%BC/versions/3']);
    expect(headers).to.include({ 'target-sr-cluster': 'lsrc-1', 'confluent-identity-pool-id': 'pool-1' });
    expect(headers.authorization).to.equal(undefined);
  });

  it('sends user and password', async () => {
    answer = json(good);
    client.close();
    client = open({ authentication: { mode: 'basic', username: 'ü', password: 'a:b' } });
    await client.fetch('s', 'latest');
    expect(headers.authorization).to.equal(`Basic ${Buffer.from('ü:a:b').toString('base64')}`);
  });

  const unavailable = /^503 SCHEMA_REGISTRY_UNAVAILABLE: the registry cannot be used: /;
  const notFound = /^502 SCHEMA_NOT_FOUND: /;
  const reference = { name: 'n', subject: 'r', version: 1 };
  const rows: [what: string, answer: (response: ServerResponse) => void, outcome: RegExp, reason?: RegExp][] = [
    ['an unknown subject', json({ error_code: 40401, message: 'Subject not found' }, 404), notFound],
    ['an unknown version', json({ error_code: 40402, message: 'Version not found' }, 404), notFound],
    ['a version that it does not take', json({ error_code: 42202, message: 'Invalid version' }, 422), notFound],
    ["another server's 404", (response) => response.writeHead(404).end('<html>'), unavailable, /answered 404/],
    ['a 404 in JSON that is not a registry', json({ message: 'no route' }, 404), unavailable, /answered 404/],
    [
      'a redirection, which may go round in circles',
      (response) => response.writeHead(302, { location: '/' }).end(),
      unavailable,
      /answered 302/,
    ],
    ['a refusal', json({ error_code: 401 }, 401), unavailable, /answered 401/],
    ['a limit of requests', json({}, 429), unavailable, /answered 429/],
    ['a failure', json({ error_code: 50001 }, 500), unavailable, /answered 500/],
    ['what is not JSON', (response) => response.end('<html>'), unavailable, /not that of a schema registry/],
    ['nothing', (response) => response.end(), unavailable, /not that of/],
    ['a list', json([good]), unavailable, /not that of/],
    ['no id', json({ ...good, id: undefined }), unavailable, /not that of/],
    ['an id that is text', json({ ...good, id: '7' }), unavailable, /not that of/],
    ['a negative id', json({ ...good, id: -1 }), unavailable, /not that of/],
    ['an id with a fraction', json({ ...good, id: 1.5 }), unavailable, /not that of/],
    ['an id beyond 32 bits', json({ ...good, id: 2 ** 31 }), unavailable, /not that of/],
    ['a schema that is no text', json({ ...good, schema: { type: 'int' } }), unavailable, /not that of/],
    ['a kind that is no text', json({ ...good, schemaType: 1 }), unavailable, /not that of/],
    ['references that are no list', json({ ...good, references: {} }), unavailable, /not that of/],
    [
      'a reference without subject',
      json({ ...good, references: [{ ...reference, subject: 1 }] }),
      unavailable,
      /not that of/,
    ],
    [
      'a reference with an odd version',
      json({ ...good, references: [{ ...reference, version: 'x' }] }),
      unavailable,
      /not that of/,
    ],
    ['a broken connection', (response) => response.destroy(), unavailable],
    [
      'half an answer',
      (response) => response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy()),
      unavailable,
    ],
    ['what is not HTTP', (response) => response.socket?.end('hello\r\n\r\n'), unavailable],
  ];
  for (const [what, behaviour, expected, reason] of rows) {
    it(`reads ${what} as ${expected === notFound ? 'not found' : 'a failure of the registry'}`, async () => {
      answer = behaviour;
      const found = await outcome(client.fetch('s', '1'));
      expect(found).to.match(expected);
      if (reason !== undefined) expect(found).to.match(reason);
      expect(paths).to.have.length(1);
      expect(results).to.have.length(1);
      const isUp = expected === notFound;
      expect(state.destination).to.include({ kind: 'registry', name: new URL(url).host });
      expect(state.state).to.equal(isUp ? 'reachable' : 'unreachable');
      if (reason !== undefined) expect(state.destination.error).to.match(reason);
      answer = json(good);
      await client.fetch('s', '1');
      expect(state.destination).to.include({ state: 'reachable', error: null });
      expect(results[1]).to.equal(`${new URL(url).host} ok`);
    });
  }

  const counted: [what: string, answer: (response: ServerResponse) => void, result: string][] = [
    ['an answer', json(good), 'ok'],
    ['an unknown subject', json({ error_code: 40401 }, 404), 'not_found'],
    ['a refused login', json({}, 401), 'refused'],
    ['a forbidden subject', json({}, 403), 'refused'],
    ['a failure', json({}, 500), 'error'],
    ['an answer of something else', (response) => response.end('<html>'), 'error'],
    ['a broken connection', (response) => response.destroy(), 'unreachable'],
  ];
  for (const [what, behaviour, result] of counted) {
    it(`counts ${what} as ${result}`, async () => {
      answer = behaviour;
      await outcome(client.fetch('s', '1'));
      expect(results).to.deep.equal([`${new URL(url).host} ${result}`]);
    });
  }

  it('waits no longer than its limit, also for an answer that arrives byte by byte', async () => {
    let timer: NodeJS.Timeout | undefined;
    for (const behaviour of [
      () => {},
      (response: ServerResponse) => {
        timer = setInterval(() => response.write(' '), 10);
      },
    ]) {
      answer = behaviour;
      client.close();
      client = open({}, 200);
      expect(await outcome(client.fetch('s', '1'))).to.match(/no answer within 200 ms/);
      clearInterval(timer);
    }
  });

  it('does not read an answer beyond its limit', async () => {
    let sentBytes = 0;
    answer = (response) => {
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
        sentBytes += chunk.length;
      };
      response.on('drain', more);
      more();
    };
    expect(await outcome(client.fetch('s', '1'))).to.match(/larger than 8388608 bytes/);
    expect(sentBytes).to.be.lessThan(4 * defaultAnswerBytesMax);
  });

  it('resolves references, each once, in an order in which each comes after those it needs', async () => {
    const schemas: Readonly<Record<string, unknown>> = {
      s: {
        ...good,
        references: [
          { ...reference, name: 'a', subject: 'a' },
          { ...reference, name: 'b', subject: 'b' },
        ],
      },
      a: { ...good, schema: 'A', references: [{ ...reference, name: 'b', subject: 'b' }] },
      b: { ...good, schema: 'B', references: null },
    };
    answer = (response, path) => json(schemas[path.split('/')[2] ?? ''])(response);
    const source = await resolved('latest');
    expect(source.references).to.deep.equal([
      { name: 'b', text: 'B' },
      { name: 'a', text: 'A' },
    ]);
    expect(paths).to.have.length(3);
    await resolved('latest');
    expect(paths).to.have.length(4);
  });

  it('asks anew for a reference to the latest version', async () => {
    answer = (response, path) => {
      json(path.startsWith('/subjects/s/') ? { ...good, references: [{ ...reference, version: -1 }] } : good)(response);
    };
    await resolved();
    await resolved();
    expect(paths.filter((path) => path === '/subjects/r/versions/latest')).to.have.length(2);
  });

  it('is unavailable where a referenced schema cannot be fetched, unusable where one is unknown', async () => {
    let failure = json({}, 503);
    answer = (response, path) => {
      if (path.startsWith('/subjects/s/')) json({ ...good, references: [reference] })(response);
      else failure(response);
    };
    expect(await outcome(resolved())).to.match(unavailable);
    failure = json({ error_code: 40401 }, 404);
    expect(await outcome(resolved())).to.match(/^unusable \(lasting: false\): a reference cannot be had: /);
  });

  it('ends with schemas that refer to each other in a cycle', async () => {
    answer = json({ ...good, references: [reference] });
    expect(await outcome(resolved())).to.match(/^unusable \(lasting: false\): its references nest deeper than 32$/);
    // Ever new names, many at each level.
    let names = 0;
    answer = (response) => {
      const references = Array.from({ length: 20 }, () => ({ name: `n${names}`, subject: `s${names++}`, version: 1 }));
      json({ ...good, references })(response);
    };
    expect(await outcome(resolved())).to.match(/^unusable .*(?:nest deeper|does not come to an end)/);
    expect(paths.length).to.be.lessThan(300);
    answer = (response, path) => {
      const references = Array.from({ length: 500 }, () => ({ name: `n${names}`, subject: `s${names++}`, version: 1 }));
      json(path.startsWith('/subjects/s/') ? { ...good, references } : good)(response);
    };
    expect(await outcome(resolved())).to.match(/does not come to an end/);
    answer = (response, path) => {
      const references = Array.from({ length: 3 }, (_, index) => ({
        ...reference,
        name: `m${index}`,
        subject: `m${index}`,
      }));
      json(path.startsWith('/subjects/s/') ? { ...good, references } : { ...good, schema: ' '.repeat(7_000_000) })(
        response,
      );
    };
    expect(await outcome(resolved())).to.match(/does not come to an end/);
  });

  it('lists the versions of a subject', async () => {
    answer = json([1, 3, 'x', 2]);
    expect(await client.versions('a/b')).to.deep.equal([1, 3, 2]);
    expect(paths).to.deep.equal(['/subjects/a%2Fb/versions']);
    answer = json({ error_code: 40401 }, 404);
    expect(await client.versions('s')).to.deep.equal([]);
    answer = json({});
    expect(await outcome(client.versions('s'))).to.match(unavailable);
  });

  it('asks again when a kept-alive connection was closed', async () => {
    answer = json(good);
    await client.fetch('s', '1');
    // Closes the kept connection when the next request comes in on it, as a registry does that was just about to.
    let closed = 0;
    answer = (response) => {
      if (closed++ === 0) response.socket?.destroy();
      else json(good)(response);
    };
    expect(await outcome(client.fetch('s', '1'))).to.equal('fetched');
    expect(paths).to.have.length(3);
  });
});
