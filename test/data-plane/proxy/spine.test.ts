import { expect } from 'chai';
import type { PluginInstance } from '../../../data-plane/plugin-api/plugin-definition.ts';
import type { Answer, Exchange } from '../../../data-plane/plugin-api/exchange.ts';
import { plainAnswer } from '../../../data-plane/plugin-api/standard-answers.ts';
import { type ErrorCode, RequestError, type RequestErrorOptions } from '../../../shared/errors.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeExchange } from './fake-exchange.ts';
import { pluginEntity, routeEntity, serviceEntity, SpineFixture } from './spine-fixture.ts';

const ok: Answer = { status: 200, headers: ['X-Answer', 'yes'], body: '{}' };
const secret = 'hunter2';

describe('the spine of a request', function () {
  this.timeout(20_000);
  let fixture: SpineFixture;
  /** What the plugins did, in order. */
  let trace: string[];

  beforeEach(() => {
    fixture = new SpineFixture();
    trace = [];
  });

  // Services of a configuration keep timers until it is closed.
  afterEach(() => fixture.holder.close());

  /** A plugin that notes its phases; `answer`: what its access phase gives. */
  function noting(label: string, answer?: Answer | Error | 'late' | 'late answer'): PluginInstance {
    const instance: PluginInstance = {
      access() {
        trace.push(`${label} access`);
        if (answer instanceof Error) throw answer;
        if (answer === 'late') return Promise.resolve(undefined);
        if (answer === 'late answer') return Promise.resolve(ok);
        return answer;
      },
      response(_exchange, given) {
        trace.push(`${label} response`);
        return given;
      },
      log() {
        trace.push(`${label} log`);
      },
    };
    fixture.behaviours.set(label, instance);
    return instance;
  }

  async function handle(exchange = new FakeExchange()): Promise<FakeExchange> {
    fixture.spine.handle(exchange);
    await waitFor(() => exchange.answers.length > 0, { what: 'an answer', pollMs: 1 });
    expect(exchange.answers).to.have.length(1);
    await waitFor(() => fixture.spine.inFlight() === 0, { what: 'the end of the request', pollMs: 1 });
    return exchange;
  }

  describe('a gRPC call', () => {
    /** A call of some messages, each answered on its own; the answer of the last is that of the call. */
    function callOf(bodies: readonly string[]): FakeExchange {
      const call = new FakeExchange({ protocol: 'grpc' });
      call.publishMessages = async (publish) => {
        let last = ok;
        for (const body of bodies) last = await publish(new FakeExchange({ protocol: 'grpc', body }));
        return last;
      };
      return call;
    }
    const route = routeEntity({ protocols: ['grpc', 'http'] });
    const plugins = [pluginEntity('first', 'a'), pluginEntity('publish', 'd')];

    it('is matched once and runs each plugin once, but publishes each message', async () => {
      noting('a');
      fixture.behaviours.set('d', {
        access: async (message) => {
          trace.push(`d ${(await message.readBody()).toString()}`);
          return ok;
        },
      });
      await fixture.apply({ routes: [route], plugins });
      const call = await handle(callOf(['one', 'two']));
      expect(call.answer).to.deep.equal(ok);
      expect(trace).to.deep.equal(['a access', 'd one', 'd two', 'a response', 'a log']);
      expect(fixture.metrics.total()).to.equal(1);
    });

    it('is refused by a plugin before any message is read', async () => {
      noting('a', plainAnswer(new FakeExchange(), 401, 'No'));
      noting('d', ok);
      await fixture.apply({ routes: [route], plugins });
      expect((await handle(callOf(['one']))).answer.status).to.equal(401);
      expect(trace).to.not.include('d access');
    });

    it('learns of each message that fails', async () => {
      noting('a');
      fixture.behaviours.set('d', {
        access() {
          throw new RequestError('KEY_INVALID', 'No key.');
        },
      });
      await fixture.apply({ routes: [route], plugins });
      const { answer } = await handle(callOf(['one']));
      expect(answer.status).to.equal(400);
      expect(answer.result?.error?.code).to.equal('KEY_INVALID');
    });
  });

  describe('phases', () => {
    it('run access by priority (names between equals), response in reverse, then log', async () => {
      for (const label of ['a', 'b', 'c']) noting(label);
      noting('d', ok);
      const plugins = [
        pluginEntity('publish', 'd'),
        pluginEntity('middle-too', 'c'),
        pluginEntity('first', 'a'),
        pluginEntity('middle', 'b'),
      ];
      await fixture.apply({ routes: [routeEntity()], plugins });
      expect((await handle()).answer.status).to.equal(200);
      expect(trace).to.deep.equal([
        'a access',
        'b access',
        'c access',
        'd access',
        'd response',
        'c response',
        'b response',
        'a response',
        'a log',
        'b log',
        'c log',
        'd log',
      ]);
    });

    for (const [what, answer] of [
      ['at once', ok],
      ['later', 'late answer'],
    ] as const) {
      it(`the first answer, ${what}, ends access; response runs for those that ran, log for all`, async () => {
        noting('a', 'late');
        noting('b', answer);
        noting('d', ok);
        const plugins = [pluginEntity('first', 'a'), pluginEntity('middle', 'b'), pluginEntity('publish', 'd')];
        await fixture.apply({ routes: [routeEntity()], plugins });
        await handle();
        expect(trace).to.deep.equal(['a access', 'b access', 'b response', 'a response', 'a log', 'b log', 'd log']);
      });
    }

    it('a failure ends access, and the response phase sees its answer', async () => {
      noting('a');
      noting('b', new RequestError('KEY_INVALID', 'no key'));
      noting('d', ok);
      const plugins = [pluginEntity('first', 'a'), pluginEntity('middle', 'b'), pluginEntity('publish', 'd')];
      await fixture.apply({ routes: [routeEntity()], plugins });
      expect((await handle()).answer.status).to.equal(400);
      expect(trace.slice(0, 4)).to.deep.equal(['a access', 'b access', 'b response', 'a response']);
    });

    it('without a route only the log phases of global plugins run, with neither route nor service', async () => {
      const logged: unknown[] = [];
      const logging = (label: string): PluginInstance => ({
        ...noting(label, ok),
        log(exchange, { status }) {
          logged.push([label, status, exchange.route]);
        },
      });
      for (const label of ['a', 'b', 'c', 'd', 'e']) fixture.behaviours.set(label, logging(label));
      fixture.behaviours.set('f', { access: () => ok });
      const route = routeEntity();
      await fixture.apply({
        routes: [route],
        plugins: [
          pluginEntity('middle', 'b'),
          pluginEntity('first', 'a'),
          pluginEntity('auth', 'c', { route: { id: route.id } }),
          pluginEntity('auth', 'd', { consumer: { id: 'c1' } }),
          pluginEntity('middle-too', 'e', { protocols: ['https'] }),
          pluginEntity('publish', 'f'),
        ],
      });
      const exchange = await handle(new FakeExchange({ target: '/nothing' }));
      expect(exchange.answer.status).to.equal(404);
      expect(trace).to.deep.equal([]);
      expect(logged).to.deep.equal([
        ['a', 404, undefined],
        ['b', 404, undefined],
      ]);
    });

    it('without a route the newest configuration decides who logs', async () => {
      noting('a');
      noting('b');
      const routes = [routeEntity()];
      const first = pluginEntity('first', 'a');
      for (const [plugins, expected] of [
        [[first], ['a log']],
        [
          [first, pluginEntity('middle', 'b')],
          ['a log', 'b log'],
        ],
        [[], []],
      ] as const) {
        trace = [];
        await fixture.apply({ routes, plugins });
        await handle(new FakeExchange({ target: '/nothing' }));
        expect(trace).to.deep.equal(expected);
      }
    });

    it('response may replace the answer, and log sees what was sent', async () => {
      let logged: Answer | undefined;
      fixture.behaviours.set('a', {
        response: (_exchange, answer) => ({ ...answer, status: 201 }),
        log: (_exchange, answer) => (logged = answer),
      });
      fixture.behaviours.set('d', { access: () => ok });
      await fixture.apply({
        routes: [routeEntity()],
        plugins: [pluginEntity('first', 'a'), pluginEntity('publish', 'd')],
      });
      expect((await handle()).answer.status).to.equal(201);
      expect(logged?.status).to.equal(201);
    });

    it('a failing log phase stops neither the others nor the request', async () => {
      fixture.behaviours.set('a', {
        log() {
          throw new Error('log broke');
        },
      });
      noting('d', ok);
      await fixture.apply({
        routes: [routeEntity()],
        plugins: [pluginEntity('first', 'a'), pluginEntity('publish', 'd')],
      });
      expect((await handle()).answer.status).to.equal(200);
      expect(trace).to.include('d log');
      expect(fixture.lines.map(({ event }) => event)).to.include('internal_error');
    });

    it('plugins run for their protocols only, in every phase', async () => {
      noting('a');
      noting('d', ok);
      const plugins = [pluginEntity('first', 'a', { protocols: ['https'] }), pluginEntity('publish', 'd')];
      await fixture.apply({ routes: [routeEntity()], plugins });
      await handle();
      expect(trace).to.deep.equal(['d access', 'd response', 'd log']);
      trace.length = 0;
      await handle(new FakeExchange({ protocol: 'https' }));
      expect(trace[0]).to.equal('a access');
    });

    it('disabled plugins do not run', async () => {
      noting('a');
      noting('d', ok);
      const plugins = [pluginEntity('first', 'a', { enabled: false }), pluginEntity('publish', 'd')];
      await fixture.apply({ routes: [routeEntity()], plugins });
      await handle();
      expect(trace).to.not.include('a access');
    });
  });

  describe('a consumer recognised on the way', () => {
    const consumer = { id: 'c1', username: 'ann', customId: null };

    for (const isLate of [false, true]) {
      it(`has its own plugins from there on (${isLate ? 'later' : 'at once'})`, async () => {
        fixture.behaviours.set('auth', {
          access(exchange: Exchange) {
            trace.push('auth access');
            exchange.consumer = consumer;
            return isLate ? Promise.resolve(undefined) : undefined;
          },
        });
        for (const label of ['first of all', 'middle of all', 'middle of ann', 'early of ann']) noting(label);
        noting('publish', ok);
        const ofAnn = { consumer: { id: 'c1' } };
        await fixture.apply({
          routes: [routeEntity()],
          plugins: [
            pluginEntity('auth', 'auth'),
            pluginEntity('first', 'first of all'),
            pluginEntity('middle', 'middle of all'),
            pluginEntity('middle', 'middle of ann', ofAnn),
            pluginEntity('publish', 'publish'),
          ],
        });
        await handle();
        expect(trace.filter((step) => step.endsWith('access'))).to.deep.equal([
          'auth access',
          'first of all access',
          'middle of ann access',
          'publish access',
        ]);
        expect(trace.filter((step) => step.endsWith('response'))).to.deep.equal([
          'publish response',
          'middle of ann response',
          'first of all response',
        ]);
      });
    }

    it('a consumer without plugins changes nothing', async () => {
      fixture.behaviours.set('auth', {
        access(exchange: Exchange) {
          exchange.consumer = { ...consumer, id: 'other' };
          return undefined;
        },
      });
      noting('all');
      noting('ann');
      noting('publish', ok);
      await fixture.apply({
        routes: [routeEntity()],
        plugins: [
          pluginEntity('auth', 'auth'),
          pluginEntity('middle', 'all'),
          pluginEntity('middle', 'ann', { consumer: { id: 'c1' } }),
          pluginEntity('publish', 'publish'),
        ],
      });
      await handle();
      expect(trace).to.include('all access').and.not.include('ann access');
    });
  });

  describe('failures', () => {
    async function failing(error: unknown, plugin: 'middle' | 'publish' = 'publish'): Promise<FakeExchange> {
      fixture.behaviours.set('x', {
        access() {
          throw error;
        },
      });
      await fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity(plugin, 'x')] });
      return handle();
    }

    const rows: readonly [
      code: ErrorCode,
      options: RequestErrorOptions,
      status: number,
      message: string,
      outcome: string,
      retryable: boolean,
      retryAfter: string | undefined,
    ][] = [
      ['BODY_INVALID', {}, 400, 'Bad Request', 'rejected', false, undefined],
      ['TOPIC_NOT_ALLOWED', {}, 403, 'Forbidden', 'rejected', false, undefined],
      ['TOPIC_NOT_FOUND', {}, 502, 'Bad Gateway', 'not_sent', true, undefined],
      [
        'TOPIC_NOT_FOUND',
        { status: 404, outcome: 'rejected', retryable: false },
        404,
        'Not Found',
        'rejected',
        false,
        undefined,
      ],
      ['BODY_TOO_LARGE', {}, 413, 'Payload Too Large', 'rejected', false, undefined],
      ['ENCODING_UNSUPPORTED', {}, 415, 'Unsupported Media Type', 'rejected', false, undefined],
      ['SCHEMA_VALIDATION_FAILED', {}, 422, 'Unprocessable Entity', 'rejected', false, undefined],
      ['LUA_ERROR', {}, 500, 'Internal Server Error', 'not_sent', false, undefined],
      ['SCHEMA_NOT_FOUND', {}, 502, 'Bad Gateway', 'not_sent', true, undefined],
      ['SCHEMA_REGISTRY_UNAVAILABLE', {}, 503, 'Service Unavailable', 'not_sent', true, '1'],
      ['PRODUCER_OVERLOADED', { retryAfterSeconds: 7 }, 503, 'Service Unavailable', 'not_sent', true, '7'],
      ['KAFKA_UNAVAILABLE', {}, 503, 'Service Unavailable', 'not_sent', true, '1'],
      ['NOT_ENOUGH_REPLICAS', { outcome: 'unknown' }, 504, 'Gateway Timeout', 'unknown', true, undefined],
      ['DELIVERY_UNKNOWN', {}, 504, 'Gateway Timeout', 'unknown', true, undefined],
      ['INTERNAL', {}, 500, 'Internal Server Error', 'not_sent', true, undefined],
    ];
    for (const [code, options, status, message, outcome, retryable, retryAfter] of rows) {
      it(`${code} ${outcome} → ${status}`, async () => {
        const exchange = await failing(new RequestError(code, 'one sentence', options));
        expect(exchange.answer.status).to.equal(status);
        expect(exchange.json).to.deep.equal({
          message,
          error: 'one sentence',
          code,
          outcome,
          retryable,
          request_id: 'request-1',
        });
        expect(exchange.header('retry-after')).to.equal(retryAfter);
        expect(exchange.header('content-type')).to.match(/^application\/json/);
        expect(exchange.answer.closeConnection).to.equal(false);
      });
    }

    it('carry their details', async () => {
      const details = [{ pointer: '/a', rule: 'type', expected: 'int', message: 'no' }];
      expect(
        (await failing(new RequestError('SCHEMA_VALIDATION_FAILED', 's', { details }))).json['details'],
      ).to.deep.equal(details);
    });

    for (const [plugin, outcome] of [
      ['publish', 'unknown'],
      ['middle', 'not_sent'],
    ] as const) {
      for (const failure of [new Error(`password ${secret}`), `text ${secret}`, undefined]) {
        it(`an unexpected ${typeof failure} from a plugin that ${plugin === 'publish' ? 'may have' : 'has not'} sent a record`, async () => {
          const exchange = await failing(failure, plugin);
          expect(exchange.answer.status).to.equal(500);
          expect(exchange.json).to.include({ code: 'INTERNAL', outcome, retryable: true });
          expect(JSON.stringify(exchange.answer)).to.not.include(secret).and.not.include('.ts');
          const line = fixture.lines.find(({ event }) => event === 'internal_error');
          expect(line).to.include({ level: 'error', request_id: 'request-1', route: 'orders' });
        });
      }
    }

    it('a plugin that answers without a record, and whose answer then fails, leaves outcome not_sent', async () => {
      fixture.behaviours.set('a', {
        access: (exchange) => plainAnswer(exchange, 401, 'Unauthorized'),
        response() {
          throw new Error('broke');
        },
      });
      fixture.behaviours.set('d', { access: () => ok });
      await fixture.apply({
        routes: [routeEntity()],
        plugins: [pluginEntity('first', 'a'), pluginEntity('publish', 'd')],
      });
      expect((await handle()).json).to.include({ code: 'INTERNAL', outcome: 'not_sent' });
    });

    it('an answer that cannot be sent becomes 500 INTERNAL, once', async () => {
      fixture.behaviours.set('d', { access: () => ({ ...ok, headers: ['X-A', 'a\nb'] }) });
      await fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity('publish', 'd')] });
      expect((await handle()).json).to.include({ code: 'INTERNAL', outcome: 'unknown' });
    });

    it('a failing response phase becomes 500 INTERNAL with what is known of the record', async () => {
      fixture.behaviours.set('a', {
        response() {
          throw new Error('broke');
        },
      });
      fixture.behaviours.set('d', { access: () => ok });
      await fixture.apply({
        routes: [routeEntity()],
        plugins: [pluginEntity('first', 'a'), pluginEntity('publish', 'd')],
      });
      expect((await handle()).json).to.include({ code: 'INTERNAL', outcome: 'unknown' });
    });
  });

  describe('without an answer of a plugin', () => {
    it('503 before there is a configuration', async () => {
      const exchange = await handle();
      expect(exchange.answer.status).to.equal(503);
      expect(exchange.json['message']).to.equal('no configuration yet');
      expect(exchange.header('retry-after')).to.equal('1');
    });

    it('404 without a route', async () => {
      await fixture.apply({ routes: [routeEntity()] });
      const exchange = await handle(new FakeExchange({ target: '/nothing' }));
      expect(exchange.answer.status).to.equal(404);
      expect(exchange.json).to.deep.equal({
        message: 'no Route matched with those values',
        request_id: 'request-1',
      });
    });

    it('503 without a service', async () => {
      await fixture.apply({ routes: [routeEntity()] });
      const exchange = await handle();
      expect(exchange.answer.status).to.equal(503);
      expect(exchange.json['message']).to.equal('no Service found with those values');
    });

    it('503 SHUTTING_DOWN from refuse() on, and the connection ends', async () => {
      noting('d', ok);
      await fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity('publish', 'd')] });
      fixture.spine.refuse();
      const exchange = await handle();
      expect(exchange.answer).to.include({ status: 503, closeConnection: true });
      expect(exchange.json).to.include({ code: 'SHUTTING_DOWN', outcome: 'not_sent', retryable: true });
      expect(trace).to.deep.equal([]);
    });
  });

  it('plugins see route, service and captures', async () => {
    let seen: Exchange['route'];
    fixture.behaviours.set('d', {
      access(exchange) {
        seen = exchange.route;
        return ok;
      },
    });
    const route = routeEntity({ paths: ['~/orders/(?<id>[0-9]+)'], service: { id: 's1' } });
    await fixture.apply({
      services: [serviceEntity('s1', 'shop')],
      routes: [route],
      plugins: [pluginEntity('publish', 'd')],
    });
    await handle(new FakeExchange({ target: '/orders/17' }));
    expect(seen).to.deep.equal({
      id: route.id,
      name: 'orders',
      serviceId: 's1',
      serviceName: 'shop',
      captures: { 1: '17', id: '17' },
    });
  });

  describe('protocols of the route', () => {
    const grpcContent = ['Content-Type', 'application/grpc+proto'];
    const https = { protocols: ['https'] };
    const grpc = { protocols: ['grpc', 'grpcs'] };
    const rows: readonly [
      what: string,
      route: Readonly<Record<string, unknown>>,
      exchange: ConstructorParameters<typeof FakeExchange>[0],
      status: number,
      message: string | undefined,
    ][] = [
      ['http on https', https, {}, 426, 'Please use HTTPS protocol'],
      ['https on https', https, { protocol: 'https' }, 200, undefined],
      ['https on http', { protocols: ['http'] }, { protocol: 'https' }, 200, undefined],
      ['grpc over cleartext on https', https, { protocol: 'grpc' }, 426, 'Please use HTTPS protocol'],
      ['grpc on http', { protocols: ['http'] }, { protocol: 'grpc' }, 200, undefined],
      ['http on grpc', grpc, {}, 415, 'Non-gRPC request matched gRPC route'],
      ['https on grpc', grpc, { protocol: 'https' }, 415, 'Non-gRPC request matched gRPC route'],
      ['gRPC content over HTTP/1.1 on grpc', grpc, { headers: grpcContent }, 426, 'Please use HTTP2 protocol'],
      ['grpcs on grpc', { protocols: ['grpc'] }, { protocol: 'grpcs' }, 200, undefined],
      ['grpcs on grpcs', { protocols: ['grpcs'] }, { protocol: 'grpcs' }, 200, undefined],
    ];
    for (const [what, fields, asked, status, message] of rows) {
      it(`${what}: ${status} ${message ?? ''}`, async () => {
        noting('d', ok);
        await fixture.apply({ routes: [routeEntity(fields)], plugins: [pluginEntity('publish', 'd')] });
        const exchange = await handle(new FakeExchange(asked));
        expect(exchange.answer.status).to.equal(status);
        expect(exchange.json['message']).to.equal(message);
        expect(trace.includes('d access'), 'the plugin ran').to.equal(status === 200);
      });
    }

    it('cleartext gRPC on grpcs only: grpc-status 1', async () => {
      await fixture.apply({ routes: [routeEntity({ protocols: ['grpcs'] })] });
      const exchange = await handle(new FakeExchange({ protocol: 'grpc', headers: grpcContent }));
      expect(exchange.answer.status).to.equal(200);
      expect(exchange.header('grpc-status')).to.equal('1');
      expect(exchange.header('grpc-message')).to.equal('gRPC request matched gRPCs route');
    });

    for (const target of ['/orders/1?a=b', 'http://example.com/orders/1?a=b']) {
      it(`the configured redirect, for ${target}`, async () => {
        await fixture.apply({ routes: [routeEntity({ ...https, https_redirect_status_code: 308 })] });
        const exchange = await handle(new FakeExchange({ target }));
        expect(exchange.answer.status).to.equal(308);
        expect(exchange.header('location')).to.equal('https://example.com/orders/1?a=b');
      });
    }

    it('426 instead of a redirect where there is no host to redirect to', async () => {
      await fixture.apply({
        routes: [routeEntity({ protocols: ['https'], https_redirect_status_code: 301 })],
      });
      const exchange = await handle(new FakeExchange({ host: '' }));
      expect(exchange.answer.status).to.equal(426);
      expect(exchange.header('upgrade')).to.equal('TLS/1.2, HTTP/1.1');
    });
  });

  describe('telemetry', () => {
    it('one access line a request at debug, without the query', async () => {
      fixture = new SpineFixture('debug');
      noting('d', ok);
      await fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity('publish', 'd')] });
      await handle(new FakeExchange({ target: `/orders?token=${secret}`, headers: ['Authorization', secret] }));
      const lines = fixture.lines.filter(({ event }) => event === 'access');
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include({
        level: 'debug',
        msg: 'POST /orders 200',
        request_id: 'request-1',
        route: 'orders',
        status: 200,
        client: '192.0.2.1',
      });
      expect(lines[0]?.['duration_ms']).to.be.a('number');
      expect(JSON.stringify(fixture.lines)).to.not.include(secret);
    });

    it('no access line at info', async () => {
      await fixture.apply({ routes: [routeEntity()] });
      await handle();
      expect(fixture.lines.filter(({ event }) => event === 'access')).to.deep.equal([]);
    });

    it('requests by route and status, durations, requests in flight, clients gone', async () => {
      let release: (answer: Answer) => void = () => {};
      fixture.behaviours.set('d', { access: () => new Promise<Answer>((resolve) => (release = resolve)) });
      await fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity('publish', 'd')] });
      await handle(new FakeExchange({ target: '/nothing' }));
      const exchange = new FakeExchange();
      fixture.spine.handle(exchange);
      expect(await fixture.registry.metrics()).to.match(/^sluice_http_requests_in_flight 1$/m);
      exchange.clientGone = true;
      release(ok);
      await waitFor(() => fixture.spine.inFlight() === 0, { what: 'the answer', pollMs: 1 });
      const text = await fixture.registry.metrics();
      expect(text).to.match(/^sluice_http_requests_total\{route="",status="404"\} 1$/m);
      expect(text).to.match(/^sluice_http_requests_total\{route="orders",status="200"\} 1$/m);
      expect(text).to.match(/^sluice_http_request_duration_seconds_count\{route="orders"\} 1$/m);
      expect(text).to.match(/^sluice_http_requests_in_flight 0$/m);
      expect(text).to.match(/^sluice_http_clients_gone_total 1$/m);
      expect(fixture.metrics.total()).to.equal(2);
    });
  });
});
