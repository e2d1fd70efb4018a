import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import avro from 'avsc';
import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { EncoderOptions, Encoders } from '../../../data-plane/schemas/encoder.ts';
import { createEncoders } from '../../../data-plane/schemas/encoders.ts';
import { RequestError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';
import { testRegistry } from '../../helpers/registry.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const registryUrl = testRegistry();
const schema = { type: 'record' as const, name: 'Order', fields: [{ name: 'id', type: 'int' }] };
const soon = (): number => performance.now() + 5_000;

function options(fields: Partial<EncoderOptions> = {}, url = registryUrl, ttlSeconds = 60): EncoderOptions {
  return {
    registry: { url, ttlSeconds, sslVerify: true, authentication: { mode: 'none' }, headers: {} },
    subjectName: 'none',
    schemaVersion: 'latest',
    payloadEncoding: 'auto',
    messageName: null,
    subjectNameStrategy: 'subject_name',
    role: 'value',
    ...fields,
  };
}

async function codeOf(work: () => Buffer | Promise<Buffer>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof RequestError) return `${error.status} ${error.code}`;
    throw error;
  }
  return 'none';
}

async function register(subject: string, body: object): Promise<number> {
  const answer = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify(body),
  });
  const registered: unknown = await answer.json();
  if (typeof registered === 'object' && registered !== null && 'id' in registered) return Number(registered.id);
  throw new Error(`not registered: ${JSON.stringify(registered)}`);
}

describe('encoders', () => {
  let encoders: Encoders;
  let metrics: Registry;
  let lines: string[];

  beforeEach(() => {
    metrics = new Registry();
    lines = [];
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
    encoders = createEncoders({ logger, metrics, registryTimeoutMs: 500 });
  });
  afterEach(() => encoders.close());

  describe('with a real registry', () => {
    it('frame with the id of the registry, and are synchronous once the schema is there', async () => {
      const subject = `orders-${randomUUID()}`;
      const id = await register(subject, { schema: JSON.stringify(schema) });
      const lease = encoders.acquire(options({ subjectName: subject }));
      const first = await lease.encode('t', '{"id":5}', soon());
      const second = lease.encode('t', '{"id":5}', soon());
      expect(second).to.be.instanceOf(Buffer);
      expect(second).to.deep.equal(first);
      expect([first[0], first.readUInt32BE(1)]).to.deep.equal([0, id]);
      expect(avro.Type.forSchema(schema).fromBuffer(first.subarray(5))).to.deep.include({ id: 5 });
      expect(await codeOf(() => lease.encode('t', '{"id":"x"}', soon()))).to.equal('422 SCHEMA_VALIDATION_FAILED');
      expect(await codeOf(() => lease.encode('t', '{', soon()))).to.equal('400 BODY_INVALID');
      expect(await metrics.metrics()).to.match(/sluice_schema_cache_hits_total [1-9]/);
    });

    it('resolve references and take the subject from the topic', async () => {
      const name = randomUUID();
      const other = { type: 'record', name: 'x.Other', fields: [{ name: 'a', type: 'int' }] };
      await register(`${name}-other`, { schema: JSON.stringify(other) });
      await register(`${name}-value`, {
        schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'o', type: 'x.Other' }] }),
        references: [{ name: 'x.Other', subject: `${name}-other`, version: 1 }],
      });
      const lease = encoders.acquire(options({ subjectNameStrategy: 'topic', subjectName: null, topics: [name] }));
      const bytes = await lease.encode(name, '{"o":{"a":3}}', soon());
      expect([...bytes.subarray(5)]).to.deep.equal([6]);
    });

    it('ask again for a reference that was missing, after the ttl', async () => {
      const name = `late-${randomUUID()}`;
      const good = {
        id: 1,
        version: 1,
        schema: '{"type":"record","name":"R","fields":[{"name":"o","type":"x.Other"}]}',
      };
      const other = { id: 2, version: 1, schema: '{"type":"record","name":"x.Other","fields":[]}' };
      const known = new Map<string, object>([
        ['main', { ...good, references: [{ name: 'x.Other', subject: 'other', version: 1 }] }],
      ]);
      const server = createServer((request, response) => {
        const found = known.get(/^\/subjects\/(\w+)/.exec(request.url ?? '')?.[1] ?? '');
        response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(found ?? { error_code: 40401, message: name }));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const address = server.address();
        const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
        const lease = encoders.acquire(options({ subjectName: 'main', schemaVersion: '1' }, url, 1));
        const encode = () => codeOf(() => lease.encode('t', '{"o":{}}', soon()));
        expect(await encode()).to.equal('502 SCHEMA_UNUSABLE');
        known.set('other', other);
        expect(await encode()).to.equal('502 SCHEMA_UNUSABLE');
        const isUsable = async () => (await encode()) === 'none';
        await waitFor(isUsable, { what: 'the schema with its reference', timeoutMs: 15_000, pollMs: 100 });
      } finally {
        server.close();
      }
    }).timeout(20_000);

    it('validate by a JSON Schema, references resolved, and send the text as it came', async () => {
      const name = randomUUID();
      const schemaType = 'JSON';
      const item = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', required: ['sku'] };
      await register(`${name}-item`, { schemaType, schema: JSON.stringify(item) });
      const order = { $schema: item.$schema, type: 'object', properties: { item: { $ref: 'item.json' } } };
      const id = await register(name, {
        schemaType,
        schema: JSON.stringify(order),
        references: [{ name: 'item.json', subject: `${name}-item`, version: 1 }],
      });
      const lease = encoders.acquire(options({ subjectName: name }));
      const text = '{ "item": {"sku": 9007199254740993} }';
      const bytes = await lease.encode('t', text, soon());
      expect([bytes[0], bytes.readUInt32BE(1), bytes.subarray(5).toString()]).to.deep.equal([0, id, text]);
      expect(await codeOf(() => lease.encode('t', '{"item":{}}', soon()))).to.equal('422 SCHEMA_VALIDATION_FAILED');
    });

    it('encode keys, and say that it is the key that does not fit', async () => {
      const subject = `keys-${randomUUID()}`;
      const id = await register(subject, { schema: JSON.stringify({ type: 'long' }) });
      const lease = encoders.acquire(options({ subjectName: subject, role: 'key' }));
      const bytes = await lease.encode('t', '42', soon());
      expect([bytes.readUInt32BE(1), ...bytes.subarray(5)]).to.deep.equal([id, 84]);
      const error: unknown = await Promise.resolve()
        .then(() => lease.encode('t', 'abc', soon()))
        .catch((reason: unknown) => reason);
      expect(error).to.include({
        code: 'SCHEMA_VALIDATION_FAILED',
        status: 422,
        message: 'The record key does not fit its schema.',
      });
    });

    it('use a numbered version', async () => {
      const subject = `versions-${randomUUID()}`;
      const id = await register(subject, { schema: JSON.stringify(schema) });
      const fields = [...schema.fields, { name: 'b', type: 'int', default: 1 }];
      await register(subject, { schema: JSON.stringify({ ...schema, fields }) });
      const lease = encoders.acquire(options({ subjectName: subject, schemaVersion: '1' }));
      const bytes = await lease.encode('t', '{"id":5}', soon());
      expect([bytes.readUInt32BE(1), bytes.length]).to.deep.equal([id, 6]);
    });

    it('encode Protobuf, imports resolved, as the message that is named', async () => {
      const name = randomUUID();
      const schemaType = 'PROTOBUF';
      await register(`${name}-item`, {
        schemaType,
        schema: 'syntax = "proto3"; package shop; message Item { string sku = 1; }',
      });
      const id = await register(name, {
        schemaType,
        schema:
          'syntax = "proto3"; package shop; import "item.proto"; message Order { Item item = 1; } message Other { int64 id = 1; }',
        references: [{ name: 'item.proto', subject: `${name}-item`, version: 1 }],
      });
      const order = encoders.acquire(options({ subjectName: name }));
      const bytes = await order.encode('t', '{"item":{"sku":"a"}}', soon());
      expect([bytes[0], bytes.readUInt32BE(1), ...bytes.subarray(5)]).to.deep.equal([0, id, 0, 10, 3, 10, 1, 97]);
      expect(await codeOf(() => order.encode('t', '{"item":{"id":1}}', soon()))).to.equal(
        '422 SCHEMA_VALIDATION_FAILED',
      );
      const other = encoders.acquire(options({ subjectName: name, messageName: 'shop.Other' }));
      expect([...(await other.encode('t', '{"id":"5"}', soon())).subarray(5)]).to.deep.equal([2, 2, 8, 5]);
      const none = encoders.acquire(options({ subjectName: name, messageName: 'None' }));
      expect(await codeOf(() => none.encode('t', '{}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
    });

    it('report a missing subject or version', async () => {
      const subject = `versions-${randomUUID()}`;
      await register(subject, { schema: JSON.stringify(schema) });
      const unknown = encoders.acquire(options({ subjectName: randomUUID() }));
      expect(await codeOf(() => unknown.encode('t', '{}', soon()))).to.equal('502 SCHEMA_NOT_FOUND');
      const version = encoders.acquire(options({ subjectName: subject, schemaVersion: '99' }));
      expect(await codeOf(() => version.encode('t', '{}', soon()))).to.equal('502 SCHEMA_NOT_FOUND');
    });
  });

  /** A registry at its worst: each test says how it answers. */
  describe('with a registry that fails', () => {
    let server: Server;
    let url: string;
    let answer: (response: ServerResponse) => void;
    let asked: number;
    let paths: string[];
    let authorization: string | undefined;
    const good = (response: ServerResponse): void => {
      response.end(JSON.stringify({ id: 7, schema: JSON.stringify(schema) }));
    };

    beforeEach((done) => {
      asked = 0;
      paths = [];
      answer = good;
      server = createServer((request, response) => {
        asked++;
        paths.push(request.url ?? '');
        authorization = request.headers.authorization;
        answer(response);
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

    for (const status of [401, 403, 500, 503]) {
      it(`refuses temporarily when it answers ${status}, and asks again only later`, async () => {
        answer = (response) => response.writeHead(status).end('{}');
        const lease = encoders.acquire(options({}, url));
        for (let times = 0; times < 3; times++) {
          expect(await codeOf(() => lease.encode('t', '{"id":1}', soon()))).to.equal('503 SCHEMA_REGISTRY_UNAVAILABLE');
        }
        expect(asked).to.equal(1);
      });
    }

    const unusable: [what: string, body: object, message: RegExp][] = [
      ['an Avro schema that is not JSON', { id: 7, schema: '{' }, /Avro schema/],
      ['a faulty JSON Schema', { id: 7, schemaType: 'JSON', schema: '{"type":1}' }, /the JSON Schema is faulty/],
      ['a faulty .proto file', { id: 7, schemaType: 'PROTOBUF', schema: 'message {' }, /is not a \.proto file/],
      ['a kind that nobody knows', { id: 7, schemaType: 'XML', schema: '<a/>' }, /of type XML are not known/],
    ];
    for (const [what, body, message] of unusable) {
      it(`says that the schema cannot be used when it gives ${what}, and tells why in the log, once`, async () => {
        answer = (response) => response.end(JSON.stringify(paths.at(-1) === '/subjects/sub/versions' ? [] : body));
        const lease = encoders.acquire(options({ subjectName: 'sub' }, url));
        for (let times = 0; times < 2; times++) {
          const error: unknown = await Promise.resolve()
            .then(() => lease.encode('t', '{}', soon()))
            .catch((reason: unknown) => reason);
          expect(error).to.include({
            code: 'SCHEMA_UNUSABLE',
            status: 502,
            outcome: 'not_sent',
            retryable: true,
            message: 'The schema of this record cannot be used.',
          });
        }
        // The version and the list of older ones.
        expect(asked).to.equal(2);
        expect(lines).to.have.length(1);
        expect(JSON.parse(lines[0] ?? '')).to.include({
          event: 'schema_unusable',
          subject: 'sub',
          serving_version: null,
        });
        expect(lines[0]).to.match(message);
        expect(encoders.unusable()).to.have.length(1);
        expect(await metrics.metrics()).to.match(
          /^sluice_schema_unusable\{registry="127.0.0.1:\d+",why="compile"\} 1$/m,
        );
      });
    }

    const contract = {
      domainRules: [
        { name: 'adult', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', expr: 'message.age >= 18' },
        { name: 'off', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', disabled: true },
        { name: 'reader', kind: 'TRANSFORM', mode: 'READ', type: 'JSONATA' },
      ],
      encodingRules: [{ name: 'ssn', kind: 'TRANSFORM', mode: 'WRITEREAD', type: 'ENCRYPT' }],
      migrationRules: [{ name: 'up', kind: 'TRANSFORM', mode: 'UPGRADE', type: 'JSONATA' }],
    };

    /** Answers as a registry with these versions of any subject, oldest first. */
    function versions(...all: readonly object[]): void {
      answer = (response) => {
        const [, version] = /\/versions(?:\/(\w+))?$/.exec(paths.at(-1) ?? '') ?? [];
        const number = version === 'latest' ? all.length : Number(version);
        const found = all[number - 1];
        const known = { id: 100 + number, version: number, ...found };
        if (version === undefined) response.end(JSON.stringify(all.map((_, index) => index + 1)));
        else if (found === undefined) response.writeHead(404).end('{"error_code":40402}');
        else response.end(JSON.stringify(known));
      };
    }
    const usable = (name: string): object => ({
      schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name, type: 'int' }] }),
    });
    const broken = { schema: '{"type":"nothing"}' };
    const idOf = async (encoding: Buffer | Promise<Buffer>): Promise<number> => (await encoding).readUInt32BE(1);

    it('refuses a schema with rules that a producer must run, and names them in the log', async () => {
      versions(usable('a'), { ...usable('a'), ruleSet: contract });
      const lease = encoders.acquire(options({ subjectName: 'sub' }, url));
      expect(await codeOf(() => lease.encode('t', '{"a":1}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
      expect(await codeOf(() => lease.encode('t', '{"a":1}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
      expect(paths).to.deep.equal(['/subjects/sub/versions/latest']);
      expect(lines).to.have.length(1);
      expect(JSON.parse(lines[0] ?? '')).to.include({
        event: 'schema_unusable',
        subject: 'sub',
        version: 2,
        why: 'rules',
        error: 'a producer must run its rules adult (CEL), ssn (ENCRYPT), and Sluice runs none',
        serving_version: null,
      });
      expect(await metrics.metrics()).to.match(/^sluice_schema_unusable\{registry="[^"]+",why="rules"\} 1$/m);
    });

    it('lets no version stand in for a newer one with rules, though it served until then', async () => {
      versions(usable('a'));
      const lease = encoders.acquire(options({}, url, 0));
      expect(await idOf(lease.encode('t', '{"a":1}', soon()))).to.equal(101);
      versions(usable('a'), { ...usable('a'), ruleSet: contract });
      expect(await codeOf(() => lease.encode('t', '{"a":1}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
    });

    it('takes a schema whose rules no producer must run', async () => {
      const domainRules = contract.domainRules.filter(({ name }) => name !== 'adult');
      versions({ ...usable('a'), ruleSet: { domainRules, migrationRules: contract.migrationRules } });
      const lease = encoders.acquire(options({}, url));
      expect(await idOf(lease.encode('t', '{"a":1}', soon()))).to.equal(101);
    });

    it('goes on with the last usable version when a newer one does not compile, and says so once', async () => {
      versions(usable('a'));
      const lease = encoders.acquire(options({ subjectName: 'sub' }, url, 0));
      expect(await idOf(lease.encode('t', '{"a":1}', soon()))).to.equal(101);
      versions(usable('a'), broken);
      for (let times = 0; times < 3; times++) {
        expect(await idOf(lease.encode('t', '{"a":1}', soon()))).to.equal(101);
      }
      expect(lines).to.have.length(1);
      expect(JSON.parse(lines[0] ?? '')).to.include({ event: 'schema_unusable', version: 2, serving_version: 1 });
      expect(encoders.unusable()[0]).to.include({ subject: 'sub', version: 2, why: 'compile', serving_version: 1 });
      versions(usable('a'), broken, usable('b'));
      expect(await idOf(lease.encode('t', '{"b":1}', soon()))).to.equal(103);
      expect(encoders.unusable()).to.deep.equal([]);
      expect(await metrics.metrics()).not.to.match(/^sluice_schema_unusable\{/m);
    });

    it('is asked for older versions, newest first, where none served before', async () => {
      versions(usable('a'), broken, usable('b'), broken, broken);
      const lease = encoders.acquire(options({ subjectName: 'sub' }, url));
      expect(await idOf(lease.encode('t', '{"b":1}', soon()))).to.equal(103);
      expect(lease.encode('t', '{"b":1}', soon())).to.be.instanceOf(Buffer);
      const asked = paths.map((path) => path.replace('/subjects/sub/versions', ''));
      expect(asked).to.deep.equal(['/latest', '', '/4', '/3']);
      expect(encoders.unusable()[0]).to.include({ version: 5, serving_version: 3 });
    });

    it('is asked for ten older versions at most, and for none that has rules', async () => {
      versions(usable('a'), ...Array.from({ length: 12 }, () => broken));
      const lease = encoders.acquire(options({}, url));
      expect(await codeOf(() => lease.encode('t', '{"a":1}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
      expect(paths).to.have.length(12);
      versions(usable('a'), { ...usable('a'), ruleSet: contract }, broken);
      const other = encoders.acquire(options({ subjectName: 'other' }, url));
      expect(await codeOf(() => other.encode('t', '{"a":1}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
    });

    it('is not asked again for a numbered version whose text cannot be used', async () => {
      versions(broken);
      const lease = encoders.acquire(options({ schemaVersion: '1' }, url));
      expect(await codeOf(() => lease.encode('t', '{}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
      expect(await codeOf(() => lease.encode('t', '{}', soon()))).to.equal('502 SCHEMA_UNUSABLE');
      expect(paths).to.deep.equal(['/subjects/none/versions/1']);
    });

    it('is reported as a destination: untested, reachable, unreachable', async () => {
      const lease = encoders.acquire(options({}, url, 0));
      const name = new URL(url).host;
      expect(encoders.destinations()).to.deep.equal([{ kind: 'registry', name, state: 'untested', error: null }]);
      await lease.encode('t', '{"id":1}', soon());
      expect(encoders.destinations()).to.deep.equal([{ kind: 'registry', name, state: 'reachable', error: null }]);
      expect(await metrics.metrics()).to.include(`sluice_registry_up{registry="${name}"} 1`);
      answer = (response) => response.writeHead(401).end();
      await lease.encode('t', '{"id":1}', soon());
      const error = 'it answered 401';
      expect(encoders.destinations()).to.deep.equal([{ kind: 'registry', name, state: 'unreachable', error }]);
      const text = await metrics.metrics();
      expect(text).to.include(`sluice_registry_up{registry="${name}"} 0`);
      for (const result of ['ok', 'refused']) {
        expect(text).to.include(`sluice_schema_registry_requests_total{registry="${name}",result="${result}"} 1`);
      }
      lease.release();
      expect(encoders.destinations()).to.deep.equal([]);
    });

    it('is not believed to have lost a subject when something else answers in its place', async () => {
      const lease = encoders.acquire(options({}, url, 0));
      await lease.encode('t', '{"id":1}', soon());
      answer = (response) => response.writeHead(404).end('<html>');
      expect((await lease.encode('t', '{"id":1}', soon())).length).to.equal(6);
    });

    it('refuses temporarily when it is slow, and waits no longer than the request may', async () => {
      answer = () => {};
      const lease = encoders.acquire(options({}, url));
      const startedAtMs = performance.now();
      const code = await codeOf(() => lease.encode('t', '{"id":1}', performance.now() + 100));
      expect(code).to.equal('503 SCHEMA_REGISTRY_UNAVAILABLE');
      expect(performance.now() - startedAtMs).to.be.lessThan(450);
      expect(await codeOf(() => lease.encode('t', '{"id":1}', soon()))).to.equal('503 SCHEMA_REGISTRY_UNAVAILABLE');
      expect(asked).to.equal(1);
    });

    it('asks once for many requests', async () => {
      const lease = encoders.acquire(options({}, url));
      await Promise.all(Array.from({ length: 20 }, async () => lease.encode('t', '{"id":1}', soon())));
      expect(asked).to.equal(1);
    });

    it('shares what it knows between equal settings', async () => {
      await encoders.acquire(options({}, url)).encode('t', '{"id":1}', soon());
      expect(encoders.acquire(options({}, url)).encode('t', '{"id":1}', soon())).to.be.instanceOf(Buffer);
      expect(asked).to.equal(1);
    });

    const warmUps: [
      what: string,
      fields: Partial<EncoderOptions>,
      asked: readonly string[],
      topics: readonly string[],
    ][] = [
      [
        'the subject that is named',
        { subjectName: 'sub', topics: ['a', 'b'] },
        ['sub/versions/latest'],
        ['a', 'b', 'c'],
      ],
      ['the version that is named', { subjectName: 'sub', schemaVersion: '3' }, ['sub/versions/3'], ['a']],
      [
        'the subject of each topic',
        { subjectName: null, subjectNameStrategy: 'topic', topics: ['a', 'b'] },
        ['a-value/versions/latest', 'b-value/versions/latest'],
        ['a', 'b'],
      ],
      [
        'the subject of the keys of each topic',
        { subjectName: null, subjectNameStrategy: 'topic', topics: ['a'], role: 'key' },
        ['a-key/versions/latest'],
        ['a'],
      ],
    ];
    for (const [what, fields, expected, topics] of warmUps) {
      it(`is asked in the background for ${what}, so that the first request finds it`, async () => {
        const lease = encoders.acquire(options(fields, url));
        const first = topics[0] ?? '';
        // Not yet: nobody has waited.
        expect(paths).to.deep.equal([]);
        const counted = `sluice_schema_registry_request_duration_seconds_count ${expected.length}`;
        await waitFor(async () => (await metrics.metrics()).includes(counted), { what: 'the answers', pollMs: 2 });
        await waitFor(() => lease.encode(first, '{"id":1}', soon()) instanceof Buffer, { what: first, pollMs: 2 });
        for (const topic of topics) expect(lease.encode(topic, '{"id":1}', soon())).to.be.instanceOf(Buffer);
        expect(paths.toSorted()).to.deep.equal(expected.map((path) => `/subjects/${path}`));
      });
    }

    it('has metrics of encodings that waited and of the duration of its requests', async () => {
      const lease = encoders.acquire(options({}, url));
      await lease.encode('t', '{"id":1}', soon());
      await lease.encode('t', '{"id":1}', soon());
      answer = (response) => response.writeHead(500).end();
      await codeOf(() => encoders.acquire(options({ subjectName: 'other' }, url)).encode('t', '{}', soon()));
      const text = await metrics.metrics();
      expect(text).to.match(/^sluice_schema_cache_misses_total 2$/m);
      expect(text).to.match(/^sluice_schema_cache_hits_total 1$/m);
      expect(text).to.match(/^sluice_schema_registry_request_duration_seconds_count 2$/m);
      expect(text).to.match(/^sluice_schema_registry_request_duration_seconds_bucket\{le="3"\} 2$/m);
    });

    it('is forgotten with its last lease, and not while a changed plugin takes over', async () => {
      const [first, second] = [options({}, url), options({ payloadEncoding: 'simple_json' }, url)];
      const old = encoders.acquire(first);
      await old.encode('t', '{"id":1}', soon());
      const other = encoders.acquire(second);
      await other.encode('t', '{"id":1}', soon());
      const next = encoders.acquire(first);
      old.release();
      old.release();
      other.release();
      expect(next.encode('t', '{"id":1}', soon())).to.be.instanceOf(Buffer);
      expect(asked).to.equal(2);
      next.release();
      await waitFor(() => new Promise((done) => server.getConnections((_error, count) => done(count === 0))), {
        what: 'its connections are closed',
        pollMs: 2,
      });
      const anew = encoders.acquire(first);
      expect(anew.encode('t', '{"id":1}', soon())).to.be.instanceOf(Promise);
      await waitFor(() => asked === 3, { what: 'it is asked again', pollMs: 2 });
    });

    it('is not broken off when its last lease is released, and may be taken up again meanwhile', async () => {
      let answerHeld = (): void => undefined;
      answer = (response) => (answerHeld = () => good(response));
      const lease = encoders.acquire(options({}, url));
      const encoding = lease.encode('t', '{"id":1}', soon());
      lease.release();
      await waitFor(() => asked === 1, { what: 'it is asked', pollMs: 2 });
      const next = encoders.acquire(options({}, url));
      answerHeld();
      expect((await encoding).length).to.equal(6);
      expect(next.encode('t', '{"id":1}', soon())).to.be.instanceOf(Buffer);
      expect([asked, lines]).to.deep.equal([1, []]);
    });

    it('goes on using an expired latest version, logged and counted', async () => {
      const lease = encoders.acquire(options({}, url, 0));
      await lease.encode('t', '{"id":1}', soon());
      answer = (response) => response.writeHead(500).end();
      expect((await lease.encode('t', '{"id":1}', soon())).length).to.equal(6);
      expect(lease.encode('t', '{"id":1}', soon())).to.be.instanceOf(Buffer);
      expect(lines.join('')).to.include('"using_expired":true');
      expect(await metrics.metrics()).to.include('sluice_schema_cache_stale_total 2');
    });

    it('sends credentials, and keeps them out of errors and logs', async () => {
      answer = (response) => response.writeHead(401).end();
      const { registry, ...rest } = options({}, url);
      const authentication = { mode: 'basic', username: 'u', password: 'geheim' } as const;
      const lease = encoders.acquire({ ...rest, registry: { ...registry, authentication } });
      const error: unknown = await Promise.resolve(lease.encode('t', '{}', soon())).catch((reason: unknown) => reason);
      expect(authorization).to.equal(`Basic ${Buffer.from('u:geheim').toString('base64')}`);
      expect(`${String(error)}${lines.join('')}`).not.to.match(/geheim|dTpnZWhlaW0/);
    });
  });

  it('refuse temporarily when nothing listens', async () => {
    const lease = encoders.acquire(options({}, 'http://127.0.0.1:1'));
    expect(await codeOf(() => lease.encode('t', '{}', soon()))).to.equal('503 SCHEMA_REGISTRY_UNAVAILABLE');
  });
});
