import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { expect } from 'chai';
import type { Answer, OpenExchange } from '../../../../data-plane/plugin-api/exchange.ts';
import { answerOfFailure } from '../../../../data-plane/plugin-api/standard-answers.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../../data-plane/proxy/listener.ts';
import { createLogger } from '../../../../shared/log.ts';
import { Closing } from '../../../helpers/closing.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { RawClient } from '../raw-http.ts';
import { block, frame as rawFrame, frameFlags, frameTypes, goodFields, preface, settings } from '../raw-http2.ts';

const logger = createLogger({ level: 'error', format: 'json', write: () => undefined });

function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

describe('gRPC calls on a listener', function () {
  this.timeout(30_000);
  const closing = new Closing();
  let listener: Listener;
  let calls: OpenExchange[];
  /** Messages that were published. */
  let published: string[];
  /** Answers messages that wait. */
  let release: ((answer: Answer) => void)[];
  let hits: string[];
  const acked: Answer = { status: 200, headers: [], body: '{}', result: { outcome: 'acked' } };

  async function start(options: Partial<ListenerOptions> = {}): Promise<void> {
    calls = [];
    published = [];
    release = [];
    hits = [];
    listener = await startListener({
      listen: { host: '127.0.0.1', port: 0 },
      handle(call) {
        calls.push(call);
        // Stands for the spine: routes are not looked for.
        call.route = { id: 'r', name: null, serviceId: null, serviceName: null, captures: {} };
        const answered = call.publishMessages?.(async (message) => {
          const text = (await message.readBody()).toString();
          published.push(text);
          if (text === 'wait') return new Promise((resolve) => release.push(resolve));
          return acked;
        });
        answered?.then(
          (answer) => call.respond(answer),
          (error: unknown) => call.respond(answerOfFailure(call, error, logger, true)),
        );
      },
      bodyBytesMax: 1_000,
      trustedIps: [],
      onLimit: (limit) => void hits.push(limit),
      ...options,
      limits: { lingerMs: 200, checkMs: 20, drainIdleMs: 100, ...options.limits },
    });
    const started = listener;
    closing.add(async () => {
      const ended = started.drain();
      started.destroy();
      await ended;
    });
  }

  function call(headers: IncomingHttpHeaders = {}): ClientHttp2Stream {
    const session = connect(`http://127.0.0.1:${listener.port}`);
    session.on('error', () => undefined);
    closing.add(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': '/a.B/C',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    stream.on('error', () => undefined);
    return stream;
  }

  /** Returns headers and trailers of the answer. */
  async function answerOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
    const fields: IncomingHttpHeaders = {};
    stream.on('trailers', (trailers) => Object.assign(fields, trailers));
    stream.on('response', (head) => Object.assign(fields, head));
    stream.resume();
    await waitFor(() => stream.destroyed, { what: 'the end of the call', pollMs: 1 });
    return fields;
  }

  beforeEach(() => start());
  afterEach(() => closing.close());

  it('publishes each message once it is complete, and answers after the end', async () => {
    const stream = call();
    stream.write(frame('one'));
    await waitFor(() => published.length === 1, { what: 'the first message', pollMs: 1 });
    stream.write(frame('two').subarray(0, 6));
    stream.write(frame('two').subarray(6));
    await waitFor(() => published.length === 2, { what: 'the second message', pollMs: 1 });
    stream.end();
    expect(await answerOf(stream)).to.include({ 'grpc-status': '0', 'sluice-outcome': 'acked', 'sluice-acked': '2' });
    expect(published).to.deep.equal(['one', 'two']);
  });

  it('waits for the verdicts of the messages before the one that fails', async () => {
    const stream = call();
    stream.write(frame('wait'));
    stream.write(Buffer.from([9, 0, 0, 0, 1, 0]));
    await waitFor(() => release.length === 1, { what: 'the message', pollMs: 1 });
    release[0]?.(acked);
    expect(await answerOf(stream)).to.include({
      'grpc-status': '3',
      'sluice-code': 'BODY_INVALID',
      'sluice-acked': '1',
    });
  });

  it('reads no more than 1,000 messages that wait for their verdicts', async () => {
    const stream = call();
    stream.end(Buffer.concat(Array.from({ length: 1_500 }, () => frame('wait'))));
    await waitFor(() => published.length === 1_000, { what: '1,000 messages', pollMs: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(published).to.have.length(1_000);
    for (let number = 0; number < 1_500; number++) {
      await waitFor(() => release.length > number, { what: 'a message', pollMs: 1 });
      release[number]?.(acked);
    }
    expect(await answerOf(stream)).to.include({ 'grpc-status': '0', 'sluice-acked': '1500' });
  });

  const timeouts: readonly (readonly [header: string, status: string])[] = [
    ['50m', '4'],
    // Longer than any timer runs.
    ['99999999H', '0'],
    ['none', '0'],
  ];
  for (const [header, status] of timeouts) {
    it(`grpc-timeout ${header}: status ${status}`, async () => {
      const stream = call({ 'grpc-timeout': header });
      stream.write(frame('one'));
      await waitFor(() => published.length === 1, { what: 'the message', pollMs: 1 });
      if (status === '0') stream.end();
      expect(await answerOf(stream)).to.include({ 'grpc-status': status });
    });
  }

  describe('body_timeout', () => {
    beforeEach(() => start({ limits: { bodyTimeoutMs: 100 } }));

    it('bounds the wait for the first message', async () => {
      const stream = call();
      expect(await answerOf(stream)).to.include({ 'grpc-status': '4', 'sluice-code': 'BODY_INVALID' });
      expect(hits).to.deep.equal(['body_timeout']);
    });

    it('bounds each message from its first byte, and tells what is acked', async () => {
      const stream = call();
      stream.write(Buffer.concat([frame('one'), frame('two').subarray(0, 7)]));
      expect(await answerOf(stream)).to.include({ 'grpc-status': '4', 'sluice-acked': '1' });
      expect(hits).to.deep.equal(['body_timeout']);
    });

    it('lets a stream rest between messages', async () => {
      const stream = call();
      stream.write(frame('one'));
      await waitFor(() => published.length === 1, { what: 'the message', pollMs: 1 });
      await waitFor(() => performance.now() - (calls[0]?.receivedAtMs ?? Infinity) > 300, { what: 'three time-outs' });
      expect(hits).to.deep.equal([]);
      stream.end(frame('two'));
      expect(await answerOf(stream)).to.include({ 'grpc-status': '0', 'sluice-acked': '2' });
    });
  });

  it('a call that rests is ended when the node drains, with what is acked', async () => {
    const stream = call();
    stream.write(frame('one'));
    await waitFor(() => published.length === 1, { what: 'the message', pollMs: 1 });
    const drained = listener.drain();
    expect(await answerOf(stream)).to.include({
      'grpc-status': '14',
      'sluice-code': 'SHUTTING_DOWN',
      'sluice-outcome': 'not_sent',
      'sluice-acked': '1',
    });
    await drained;
  });

  it('a call that sends goes on while the node drains', async () => {
    const stream = call();
    stream.write(frame('wait'));
    await waitFor(() => release.length === 1, { what: 'the message', pollMs: 1 });
    const drained = listener.drain();
    await waitFor(() => performance.now() - (calls[0]?.receivedAtMs ?? Infinity) > 400, { what: 'drainIdleMs' });
    release[0]?.(acked);
    stream.end(frame('two'));
    expect(await answerOf(stream)).to.include({ 'grpc-status': '0', 'sluice-acked': '2' });
    await drained;
  });

  it('a client that is gone without a word is found out while its call rests', async () => {
    await start({ limits: { idleTimeoutMs: 150 } });
    const client = await RawClient.open(listener.port);
    closing.add(() => client.destroy());
    const fields = [...goodFields, ['content-type', 'application/grpc']] as const;
    const head = rawFrame(frameTypes.headers, frameFlags.endHeaders, 1, block(fields));
    const data = rawFrame(frameTypes.data, 0, 1, frame('one'));
    // It answers no PING.
    client.send(Buffer.concat([preface, settings(), head, data]));
    await client.end();
    expect(published).to.deep.equal(['one']);
    expect(hits).to.deep.equal(['idle_timeout']);
  });

  for (const [what, code] of [
    ['cancels', constants.NGHTTP2_CANCEL],
    ['resets without an error', constants.NGHTTP2_NO_ERROR],
  ] as const) {
    it(`publishes no part of a message of a client that ${what}`, async () => {
      const stream = call();
      stream.write(Buffer.concat([frame('one'), frame('two').subarray(0, 7)]));
      await waitFor(() => published.length === 1, { what: 'the message', pollMs: 1 });
      stream.close(code);
      await waitFor(() => calls[0]?.clientGone, { what: 'the end' });
      const next = call();
      next.end(frame('three'));
      expect(await answerOf(next)).to.include({ 'grpc-status': '0' });
      expect(published).to.deep.equal(['one', 'three']);
    });
  }

  it('passes an answer of gRPC on as it is', async () => {
    await start({
      handle: (exchange) =>
        exchange.respond({
          status: 200,
          headers: ['Content-Type', 'application/grpc+proto', 'x-a', '1'],
          body: frame('x'),
          trailers: () => ['grpc-status', '9', 'x-b', '2'],
        }),
    });
    const stream = call();
    stream.end();
    expect(await answerOf(stream)).to.include({
      'content-type': 'application/grpc+proto',
      'x-a': '1',
      'grpc-status': '9',
      'x-b': '2',
    });
  });

  it('shows headers that plugins add, but none that tell of the body', async () => {
    await start({
      handle: (exchange) =>
        exchange.respond({
          status: 429,
          headers: ['Content-Type', 'text/html', 'Connection', 'close', 'Retry-After', '3', 'RateLimit-Limit', '1'],
          body: '{"message":"API rate limit exceeded"}',
        }),
    });
    const stream = call();
    stream.end();
    const fields = await answerOf(stream);
    expect(fields).to.include({
      'grpc-status': String(8),
      'grpc-message': 'API rate limit exceeded',
      'content-type': 'application/grpc',
      'ratelimit-limit': '1',
      'retry-after': '3',
    });
    expect(fields).to.not.have.property('connection');
  });

  it('knows no call in another method than POST', async () => {
    const kinds: string[] = [];
    await start({
      handle(exchange) {
        kinds.push(`${exchange.protocol} ${typeof exchange.publishMessages}`);
        exchange.respond({ status: 200, headers: [], body: '' });
      },
    });
    for (const method of ['GET', 'POST']) {
      const stream = call({ ':method': method });
      stream.end();
      await answerOf(stream);
    }
    expect(kinds).to.deep.equal(['http undefined', 'grpc function']);
  });

  it('answers an encoding that is not known before a message is read', async () => {
    const stream = call({ 'grpc-encoding': 'br' });
    stream.end(frame('one'));
    expect(await answerOf(stream)).to.include({ 'grpc-status': '12', 'sluice-code': 'ENCODING_UNSUPPORTED' });
    expect(published).to.deep.equal([]);
  });
});
