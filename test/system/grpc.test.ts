import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  status as codes,
} from '@grpc/grpc-js';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { orderSchema } from '../helpers/order-schema.ts';
import { register, registerAvro, testRegistry } from '../helpers/registry.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** What a stub sees of a call. */
interface Seen {
  readonly code: number;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly metadata: Metadata;
}

const path = '/shop.Orders/Send';
const orderProto = 'syntax = "proto3"; message Order { string id = 1; int32 quantity = 2; }';
const order = Buffer.from([0x0a, 1, 0x61, 0x10, 2]);
const bytes = (value: Buffer) => value;

describe('gRPC calls into Kafka', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let node: DblessProcess;
  let client: Client;
  let topic: string;

  before(async () => {
    topic = await createTopic('grpc', { partitions: 1 });
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const [host, port] = testKafka().split(',')[0]?.split(':') ?? [];
    const kafka = (name: string, config: object) => ({
      name: 'kafka-upstream',
      instance_name: name,
      config: { bootstrap_servers: [{ host, port: Number(port) }], topic, record_value: 'body', ...config },
    });
    const run = randomUUID();
    await register(`${run}-proto`, { schemaType: 'PROTOBUF', schema: orderProto }, testRegistry());
    await registerAvro(`${run}-avro`, orderSchema);
    const bySchema = (name: string) => ({
      schema_registry: {
        confluent: { url: testRegistry(), value_schema: { subject_name: `${run}-${name}`, schema_version: 'latest' } },
      },
    });
    const route = (name: string, plugins: readonly object[]) => ({
      name,
      protocols: ['grpc', 'grpcs'],
      paths: [`/shop.Orders/${name}`],
      plugins,
    });
    const document = {
      _format_version: '3.0',
      routes: [
        { name: 'orders', protocols: ['grpc', 'grpcs'], paths: ['/shop.Orders/Send'], plugins: [kafka('orders', {})] },
        {
          name: 'absent',
          protocols: ['grpc', 'grpcs'],
          paths: ['/shop.Orders/Absent'],
          plugins: [kafka('absent', { topic: `${topic}-absent`, delivery_timeout: 2_000 })],
        },
        {
          name: 'keyed',
          protocols: ['grpc', 'grpcs'],
          paths: ['/shop.Orders/Keyed'],
          plugins: [kafka('keyed', { key_from: { header: 'x-key' } })],
        },
        route('proto', [kafka('proto', bySchema('proto'))]),
        route('avro', [kafka('avro', bySchema('avro'))]),
        route('envelope', [kafka('envelope', { record_value: 'envelope' })]),
        { ...route('secure', [kafka('secure', {})]), protocols: ['grpcs'] },
        route('told', [
          kafka('told', {}),
          { name: 'correlation-id', config: { header_name: 'X-Told', generator: 'uuid', echo_downstream: true } },
        ]),
        route('once', [kafka('once', { idempotency_key_from: { header: 'x-once' } })]),
        {
          name: 'closed',
          protocols: ['grpc', 'grpcs'],
          paths: ['/shop.Orders/Away'],
          plugins: [kafka('closed', { bootstrap_servers: [{ host: '127.0.0.1', port: 1 }], delivery_timeout: 500 })],
        },
      ],
    };
    const file = join(folder.path, 'config.json');
    await writeFile(file, JSON.stringify(document));
    node = await runDbless([`--declarative-config=${file}`, '--request-body-max=64kb']);
    closing.add(() => node.stop());
    client = new Client(new URL(node.proxy).host, credentials.createInsecure());
    closing.add(() => client.close());
  });
  after(() => closing.close());

  const seenOf = (error: ServiceError | null, metadata: Metadata | undefined): Seen => {
    const trailers = metadata ?? error?.metadata ?? new Metadata();
    const texts = Object.entries(trailers.getMap()).map(([name, value]) => [name, String(value)]);
    return {
      code: error?.code ?? codes.OK,
      message: error?.details ?? '',
      trailers: Object.fromEntries(texts) as Record<string, string>,
      metadata: trailers,
    };
  };

  function unary(method: string, message: Buffer, headers = new Metadata(), deadlineMs?: number): Promise<Seen> {
    return new Promise((resolve) => {
      let trailers: Metadata | undefined;
      let failure: ServiceError | null = null;
      const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      const call = client.makeUnaryRequest(method, bytes, bytes, message, headers, options, (error) => {
        failure = error;
      });
      call.on('status', (status) => {
        trailers = status.metadata;
        // The callback comes before or after it, in the same turn.
        setImmediate(() => resolve(seenOf(failure, trailers)));
      });
    });
  }

  function stream(method: string, messages: readonly Buffer[]): Promise<Seen> {
    return new Promise((resolve) => {
      let failure: ServiceError | null = null;
      const call = client.makeClientStreamRequest(method, bytes, bytes, (error: ServiceError | null) => {
        failure = error;
      });
      call.on('status', (status) => setImmediate(() => resolve(seenOf(failure, status.metadata))));
      for (const message of messages) call.write(message);
      call.end();
    });
  }
  const written = async () => (await readTopic(topic)).map(({ value }) => value?.toString() ?? '');

  it('unary: the message is the record, and trailers say where it is', async () => {
    const seen = await unary(path, Buffer.from('one'));
    expect(seen).to.include({ code: codes.OK, message: '' });
    expect(seen.trailers).to.include({ 'sluice-outcome': 'acked', 'sluice-topic': topic, 'sluice-partition': '0' });
    expect(seen.trailers['sluice-offset']).to.match(/^\d+$/);
    expect(seen.trailers['x-request-id']).to.match(/^\w+$/);
    expect(seen.trailers).to.not.have.property('sluice-acked');
    expect(await written()).to.include('one');
  });

  it('client streaming: each message is a record, in order', async () => {
    const messages = Array.from({ length: 3_000 }, (_, index) => `message ${index}`);
    const seen = await stream(
      path,
      messages.map((message) => Buffer.from(message)),
    );
    expect(seen).to.include({ code: codes.OK });
    expect(seen.trailers).to.include({ 'sluice-outcome': 'acked', 'sluice-acked': '3000' });
    expect((await written()).filter((value) => value.startsWith('message '))).to.deep.equal(messages);
  });

  it('a message over the limit ends the call after those before it', async () => {
    const seen = await stream(path, [Buffer.from('before'), Buffer.alloc(70_000), Buffer.from('behind')]);
    expect(seen).to.include({ code: codes.RESOURCE_EXHAUSTED });
    expect(seen.trailers).to.include({ 'sluice-code': 'BODY_TOO_LARGE', 'sluice-acked': '1' });
    expect(await written())
      .to.include('before')
      .and.to.not.include('behind');
  });

  const failures: readonly {
    method: string;
    headers?: Record<string, string>;
    code: number;
    trailers: Record<string, string>;
  }[] = [
    {
      method: '/shop.Orders/Absent',
      code: codes.UNAVAILABLE,
      trailers: { 'sluice-outcome': 'not_sent', 'sluice-code': 'TOPIC_NOT_FOUND', 'sluice-retryable': 'true' },
    },
    {
      method: '/shop.Orders/Away',
      code: codes.UNAVAILABLE,
      trailers: { 'sluice-outcome': 'not_sent', 'sluice-code': 'KAFKA_UNAVAILABLE', 'sluice-retryable': 'true' },
    },
    { method: '/shop.Orders/Missing', code: codes.UNIMPLEMENTED, trailers: {} },
  ];
  for (const { method, code, trailers } of failures) {
    it(`${method}: status ${codes[code]}`, async () => {
      const seen = await unary(method, Buffer.from('x'));
      expect(seen.code, seen.message).to.equal(code);
      expect(seen.trailers).to.include(trailers);
    });
  }

  it('an unknown message encoding is UNIMPLEMENTED, with those that are known', async () => {
    const session = connect(node.proxy);
    closing.add(() => session.destroy());
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'grpc-encoding': 'br',
    });
    call.end(Buffer.from([0, 0, 0, 0, 1, 0x78]));
    const [head] = (await once(call, 'response')) as [IncomingHttpHeaders];
    call.resume();
    expect(head).to.include({
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': '12',
      'grpc-accept-encoding': 'identity,gzip,deflate',
      'sluice-code': 'ENCODING_UNSUPPORTED',
      'sluice-outcome': 'rejected',
    });
  });

  it('a call without a message is INVALID_ARGUMENT', async () => {
    const seen = await stream(path, []);
    expect(seen).to.include({ code: codes.INVALID_ARGUMENT, message: 'The call has no message.' });
  });

  it('details come as google.rpc.Status', async () => {
    const seen = await unary('/shop.Orders/Absent', Buffer.from('x'));
    const [details] = seen.metadata.get('grpc-status-details-bin');
    const text = Buffer.from(details as Buffer).toString('latin1');
    expect(text)
      .to.include('type.googleapis.com/google.rpc.ErrorInfo')
      .and.to.include('TOPIC_NOT_FOUND')
      .and.to.include('sluice');
  });

  it('a deadline that passes while the record waits: never written', async () => {
    const seen = await unary('/shop.Orders/Away', Buffer.from('late'), new Metadata(), 200);
    expect(seen.code).to.be.oneOf([codes.DEADLINE_EXCEEDED, codes.UNAVAILABLE]);
    expect(await written()).to.not.include('late');
  });

  it('compressed messages are taken', async () => {
    const zipped = new Client(new URL(node.proxy).host, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    });
    closing.add(() => zipped.close());
    await new Promise<void>((resolve, reject) => {
      zipped.makeUnaryRequest(path, bytes, bytes, Buffer.from('zipped '.repeat(100)), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    expect(await written()).to.include('zipped '.repeat(100));
  });

  it('a header of the call is the key', async () => {
    const metadata = new Metadata();
    metadata.set('x-key', 'k1');
    expect(await unary('/shop.Orders/Keyed', Buffer.from('keyed'), metadata)).to.include({ code: codes.OK });
    const records = await readTopic(topic);
    expect(records.find(({ value }) => value?.toString() === 'keyed')?.key?.toString()).to.equal('k1');
  });

  it('a Protobuf schema: the message is framed as it is', async () => {
    const seen = await unary('/shop.Orders/proto', order);
    expect(seen, seen.message).to.include({ code: codes.OK });
    const record = (await readTopic(topic)).find(({ value }) => value?.subarray(-order.length).equals(order));
    expect(record?.value?.[0]).to.equal(0);
    // Magic byte, schema id, and 0 for the first message.
    expect(record?.value).to.have.length(1 + 4 + 1 + order.length);
    expect(record?.value?.[5]).to.equal(0);
  });

  it('a Protobuf schema: a message that does not fit is INVALID_ARGUMENT with its faults', async () => {
    const seen = await unary('/shop.Orders/proto', Buffer.from([0x08, 1, 0x12, 0]));
    expect(seen).to.include({ code: codes.INVALID_ARGUMENT });
    expect(seen.trailers).to.include({ 'sluice-code': 'SCHEMA_VALIDATION_FAILED', 'sluice-outcome': 'rejected' });
    const [details] = seen.metadata.get('grpc-status-details-bin');
    const text = Buffer.from(details as Buffer).toString('latin1');
    expect(text).to.include('google.rpc.BadRequest').and.to.include('/id').and.to.include('/quantity');
  });

  it('an Avro schema takes no Protobuf message', async () => {
    const seen = await unary('/shop.Orders/avro', order);
    expect(seen).to.include({ code: codes.INVALID_ARGUMENT });
    expect(seen.trailers).to.include({ 'sluice-code': 'SCHEMA_VALIDATION_FAILED' });
  });

  it('application/grpc+json is JSON for a schema', async () => {
    const session = connect(node.proxy);
    closing.add(() => session.destroy());
    for (const [json, status] of [
      ['{"id":"json","quantity":3}', '0'],
      ['{"id":"json","quantity":"three"}', '3'],
    ] as const) {
      const headers = { ':method': 'POST', ':path': '/shop.Orders/proto', 'content-type': 'application/grpc+json' };
      const call = session.request({ ...headers, te: 'trailers' });
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(json.length, 1);
      call.end(Buffer.concat([prefix, Buffer.from(json)]));
      const fields: IncomingHttpHeaders = {};
      call.on('response', (head) => Object.assign(fields, head));
      call.on('trailers', (trailers) => Object.assign(fields, trailers));
      call.resume();
      await once(call, 'close');
      expect(fields, json).to.include({ 'grpc-status': status });
    }
  });

  it('the envelope holds the message in base64', async () => {
    expect(await unary('/shop.Orders/envelope', Buffer.from('enveloped'))).to.include({ code: codes.OK });
    const body = Buffer.from('enveloped').toString('base64');
    expect(await written()).to.include(`{"body":"${body}","body_args":{},"body_base64":true}`);
  });

  it('a route of grpcs alone refuses cleartext', async () => {
    const seen = await unary('/shop.Orders/secure', Buffer.from('x'));
    expect(seen).to.include({ code: codes.CANCELLED, message: 'gRPC request matched gRPCs route' });
  });

  it('headers that a plugin adds to the answer reach the caller, the same for a stream', async () => {
    const headers = new Promise<Metadata>((resolve, reject) => {
      const call = client.makeClientStreamRequest('/shop.Orders/told', bytes, bytes, (error: ServiceError | null) => {
        if (error !== null) reject(error);
      });
      call.on('metadata', resolve);
      call.write(Buffer.from('told 1'));
      call.write(Buffer.from('told 2'));
      call.end();
    });
    expect((await headers).get('x-told')).to.have.length(1);
  });

  it('an idempotency key holds for each message of a call', async () => {
    const metadata = new Metadata();
    metadata.set('x-once', randomUUID());
    const send = () =>
      new Promise<Seen>((resolve) => {
        let failure: ServiceError | null = null;
        const call = client.makeClientStreamRequest('/shop.Orders/once', bytes, bytes, metadata, (error) => {
          failure = error;
        });
        call.on('status', (status) => setImmediate(() => resolve(seenOf(failure, status.metadata))));
        call.write(Buffer.from('once 1'));
        call.write(Buffer.from('once 2'));
        call.end();
      });
    for (let attempt = 0; attempt < 2; attempt++) {
      expect((await send()).trailers).to.include({ 'sluice-outcome': 'acked', 'sluice-acked': '2' });
    }
    expect((await written()).filter((value) => value.startsWith('once '))).to.deep.equal(['once 1', 'once 2']);
  });

  it('the node answers health checks that no route takes', async () => {
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', bytes, bytes, Buffer.alloc(0), (error, value) => {
        if (error === null) resolve(value);
        else reject(error);
      });
    });
    expect(answer).to.deep.equal(Buffer.from([0x08, 1]));
  });

  it('the node tells who watches its health, and knows no single services', async () => {
    const request = (service: string) => Buffer.from([0x0a, service.length, ...Buffer.from(service)]);
    const first = (service: string) =>
      new Promise<Buffer>((resolve, reject) => {
        const path = '/grpc.health.v1.Health/Watch';
        const call = client.makeServerStreamRequest(path, bytes, bytes, request(service));
        call.on('data', (message: Buffer) => {
          resolve(message);
          call.cancel();
        });
        call.on('error', reject);
      });
    expect(await first('')).to.deep.equal(Buffer.from([0x08, 1]));
    expect(await first('shop.Orders')).to.deep.equal(Buffer.from([0x08, 3]));
    const seen = await unary('/grpc.health.v1.Health/Check', request('shop.Orders'));
    expect(seen).to.include({ code: codes.NOT_FOUND });
  });

  it('those who watch are let go when the node stops', async () => {
    const states: number[] = [];
    const path = '/grpc.health.v1.Health/Watch';
    const call = client.makeServerStreamRequest(path, bytes, bytes, Buffer.alloc(0));
    call.on('data', (message: Buffer) => states.push(message[1] ?? 0));
    const failure = new Promise<ServiceError>((resolve) => call.on('error', resolve));
    await once(call, 'data');
    expect(await node.stop(), node.output()).to.equal(0);
    expect((await failure).code).to.equal(codes.UNAVAILABLE);
    expect(states).to.deep.equal([1, 2]);
  });
});
