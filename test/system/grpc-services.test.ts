import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  Client,
  compressionAlgorithms,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status as codes,
} from '@grpc/grpc-js';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { testCertificate } from '../helpers/test-certificates.ts';
import { waitFor } from '../helpers/wait-for.ts';

const bytes = (value: Buffer) => value;
const large = 3_000_000;

/** What a call came to. */
interface Result {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly string[];
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** What the service noticed, by the method. */
const cancelled: string[] = [];
const deadlines: number[] = [];

const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  const trailers = new Metadata();
  trailers.set('x-trailer', 'last');
  call.on('cancelled', () => cancelled.push('unary'));
  deadlines.push(Number(call.getDeadline()) - Date.now());
  const text = String(call.request);
  if (text === 'wait') return;
  if (text === 'fail') {
    done({ code: codes.FAILED_PRECONDITION, details: 'not now: 50% done' });
    return;
  }
  const head = new Metadata();
  head.set('x-head', String(call.metadata.get('x-kept')[0]));
  call.sendMetadata(head);
  done(null, call.request, trailers);
};
const clientStream: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  const messages: Buffer[] = [];
  call.on('data', (message: Buffer) => messages.push(message));
  call.on('end', () => done(null, Buffer.from(messages.join('+'))));
};
const serverStream: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  call.on('cancelled', () => cancelled.push('serverStream'));
  const count = Number(call.request);
  for (let sent = 0; sent < count; sent += 1) call.write(Buffer.from(`m${sent}`));
  if (count > 0) call.end();
};
const bidi: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (message: Buffer) => call.write(Buffer.from(`<${String(message)}>`)));
  call.on('end', () => call.end());
};

function service(): Server {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const of = (name: string, requestStream: boolean, responseStream: boolean) => ({
    path: `/shop.Orders/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  });
  server.addService(
    {
      unary: of('Unary', false, false),
      clientStream: of('ClientStream', true, false),
      serverStream: of('ServerStream', false, true),
      bidi: of('Bidi', true, true),
    },
    { unary, clientStream, serverStream, bidi },
  );
  return server;
}

const bind = (server: Server, secured: ServerCredentials, port = 0): Promise<number> =>
  new Promise((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, secured, (error, bound) => (error ? reject(error) : resolve(bound))),
  );

describe('gRPC calls to services', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let node: DblessProcess;
  let client: Client;
  let plainPort: number;
  let plain: Server;

  before(async () => {
    plain = service();
    closing.add(() => plain.forceShutdown());
    plainPort = await bind(plain, ServerCredentials.createInsecure());
    const pair = await testCertificate({ name: 'localhost' });
    const [cert_chain, private_key] = [Buffer.from(pair.certPem), Buffer.from(pair.keyPem)];
    const secure = service();
    closing.add(() => secure.forceShutdown());
    const securePort = await bind(secure, ServerCredentials.createSsl(null, [{ cert_chain, private_key }]));
    // A server that breaks off within its second message.
    const broken = createServer();
    broken.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write(Buffer.from([0, 0, 0, 0, 1, 0x61, 0, 0, 0]), () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    });
    await once(broken.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => broken.close());
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const at = (name: string, port: number, more: object = {}) => ({
      name,
      protocol: 'grpc',
      host: '127.0.0.1',
      port,
      routes: [{ name, protocols: ['grpc', 'grpcs'], headers: { 'x-to': [name] }, strip_path: false }],
      ...more,
    });
    const services = [
      at('plain', plainPort),
      at('secure', securePort, { protocol: 'grpcs', host: 'localhost' }),
      at('broken', (broken.address() as AddressInfo).port),
      at('refused', await freePort()),
      at('quiet', plainPort, { read_timeout: 300 }),
      at('none', 80, { host: 'empty' }),
    ];
    const file = join(folder.path, 'config.json');
    const upstreams = [{ name: 'empty', targets: [] }];
    await writeFile(file, JSON.stringify({ _format_version: '3.0', services, upstreams }));
    node = await runDbless([`--declarative-config=${file}`]);
    closing.add(() => node.stop());
    client = new Client(new URL(node.proxy).host, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    closing.add(() => client.close());
  });
  after(() => closing.close());

  const metadata = (to: string): Metadata => {
    const made = new Metadata();
    made.set('x-to', to);
    made.set('x-kept', 'k');
    return made;
  };

  /** Sends one message and ends; `cancelAt`: cancels once so many messages have come. */
  function call(
    method: string,
    messages: readonly (string | Buffer)[],
    { to = 'plain', deadlineMs = 0, cancelAt = -1 }: { to?: string; deadlineMs?: number; cancelAt?: number } = {},
  ): Promise<Result> {
    const options = deadlineMs > 0 ? { deadline: Date.now() + deadlineMs } : {};
    const stream = client.makeBidiStreamRequest(`/shop.Orders/${method}`, bytes, bytes, metadata(to), options);
    const received: string[] = [];
    for (const message of messages) stream.write(Buffer.from(message));
    stream.end();
    if (cancelAt === 0) setTimeout(() => stream.cancel(), 100);
    return new Promise((resolve) => {
      stream.on('error', () => undefined);
      stream.on('data', (message: Buffer) => {
        received.push(String(message));
        if (received.length === cancelAt) stream.cancel();
      });
      stream.on('status', ({ code, details, metadata: trailers }) =>
        resolve({ code, details, messages: received, trailers: trailers.getMap() }),
      );
    });
  }

  for (const to of ['plain', 'secure']) {
    it(`all four kinds, with trailers: ${to}`, async () => {
      const one = await call('Unary', ['question'], { to });
      expect(one).to.deep.include({ code: codes.OK, messages: ['question'] });
      expect(one.trailers).to.include({ 'x-trailer': 'last' });
      expect((await call('ClientStream', ['a', 'b', 'c'], { to })).messages).to.deep.equal(['a+b+c']);
      expect((await call('ServerStream', ['3'], { to })).messages).to.deep.equal(['m0', 'm1', 'm2']);
      expect((await call('Bidi', ['x', 'y'], { to })).messages).to.deep.equal(['<x>', '<y>']);
    });
  }

  it('a conversation: each answer before the next message', async () => {
    const stream = client.makeBidiStreamRequest('/shop.Orders/Bidi', bytes, bytes, metadata('plain'));
    for (const message of ['one', 'two', 'three']) {
      stream.write(Buffer.from(message));
      expect(String((await once(stream, 'data'))[0])).to.equal(`<${message}>`);
    }
    stream.end();
    const [{ code }] = (await once(stream.resume(), 'status')) as [{ code: number }];
    expect(code).to.equal(codes.OK);
  });

  it('metadata at the head, and statuses of the service as they are', async () => {
    const unaryCall = client.makeUnaryRequest(
      '/shop.Orders/Unary',
      bytes,
      bytes,
      Buffer.from('x'),
      metadata('plain'),
      () => undefined,
    );
    const [head] = (await once(unaryCall, 'metadata')) as [Metadata];
    expect(head.get('x-head')).to.deep.equal(['k']);
    expect(head.get('via')).to.deep.equal(['2.0 sluice']);
    expect(await call('Unary', ['fail'])).to.include({ code: codes.FAILED_PRECONDITION, details: 'not now: 50% done' });
    expect((await call('Missing', ['x'])).code).to.equal(codes.UNIMPLEMENTED);
  });

  it('large messages, plain and compressed', async () => {
    const message = 'x'.repeat(large);
    const plainly = await call('Unary', [message]);
    expect(plainly).to.include({ code: codes.OK });
    expect(plainly.messages[0]).to.have.length(large);
    const zipping = new Client(new URL(node.proxy).host, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
      'grpc.max_receive_message_length': -1,
    });
    const echoed = await new Promise<Buffer | undefined>((resolve) => {
      zipping.makeUnaryRequest(
        '/shop.Orders/Unary',
        bytes,
        bytes,
        Buffer.from(message),
        metadata('plain'),
        (_error: ServiceError | null, value?: Buffer) => resolve(value),
      );
    });
    zipping.close();
    expect(echoed).to.have.length(large);
  });

  it('deadlines: told to the service, and answered when they pass', async () => {
    deadlines.length = 0;
    const late = await call('Unary', ['wait'], { deadlineMs: 300 });
    expect(late.code).to.equal(codes.DEADLINE_EXCEEDED);
    expect(deadlines[0]).to.be.within(1, 300);
  });

  it('cancellation, before the answer and within it', async () => {
    cancelled.length = 0;
    expect((await call('Unary', ['wait'], { cancelAt: 0 })).code).to.equal(codes.CANCELLED);
    await waitFor(() => cancelled.includes('unary'), { what: 'the service to notice' });
    const stream = client.makeServerStreamRequest(
      '/shop.Orders/ServerStream',
      bytes,
      bytes,
      Buffer.from('-1'),
      metadata('plain'),
    );
    stream.on('error', () => undefined);
    setTimeout(() => stream.cancel(), 100);
    await waitFor(() => cancelled.includes('serverStream'), { what: 'the service to notice' });
  });

  const failures: readonly (readonly [to: string, message: string, code: number])[] = [
    ['refused', 'x', codes.UNAVAILABLE],
    ['none', 'x', codes.UNAVAILABLE],
    ['quiet', 'wait', codes.DEADLINE_EXCEEDED],
    ['nowhere', 'x', codes.UNIMPLEMENTED],
  ];
  for (const [to, message, code] of failures) {
    it(`${to}: status ${code} with the request's id`, async () => {
      const result = await call('Unary', [message], { to });
      expect(result.code).to.equal(code);
      expect(result.trailers['x-request-id']).to.match(/\S/);
    });
  }

  it('a service that breaks off within its answer: UNAVAILABLE, and the messages before', async () => {
    const result = await call('Unary', ['x'], { to: 'broken' });
    expect(result).to.deep.include({ code: codes.UNAVAILABLE, messages: ['a'] });
  });

  it('a service that starts again: its connection ends with GOAWAY, and no call fails', async () => {
    const results: Promise<Result>[] = [];
    for (let sent = 0; sent < 20; sent += 1) results.push(call('Unary', [`before ${sent}`]));
    expect((await Promise.all(results)).map(({ code }) => code)).to.deep.equal(
      Array.from({ length: 20 }, () => codes.OK),
    );
    await new Promise<void>((resolve) => plain.tryShutdown(() => resolve()));
    plain = service();
    await bind(plain, ServerCredentials.createInsecure(), plainPort);
    for (let sent = 0; sent < 5; sent += 1) expect((await call('Unary', ['again'])).code).to.equal(codes.OK);
  });
});
