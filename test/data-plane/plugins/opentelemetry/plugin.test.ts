import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { endpointTracing } from '../../../../data-plane/tracing/endpoint-tracing.ts';
import { createLogger } from '../../../../shared/log.ts';
import { pluginSchemas } from '../../../../shared/plugin-schemas/plugin-schemas.ts';
import { waitFor } from '../../../helpers/wait-for.ts';
import { checkedEntities, GuardFixture, type Values } from '../guard-fixture.ts';
import { publishedPaths } from '../kafka-settings/setting-rows.ts';

interface Export {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly path: string | undefined;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly spans: readonly { readonly traceId: string; readonly parentSpanId?: string; readonly name: string }[];
}

const trace = '0af7651916cd43dd8448eb211c80319c';
const traceparent = ['traceparent', `00-${trace}-b7ad6b7169203331-01`];

describe('the opentelemetry plugin', () => {
  let collector: Server;
  let url = '';
  let exports: Export[] = [];
  let delayMs = 0;
  /** What the fixtures wrote. */
  let lines: string[] = [];

  before(async () => {
    collector = createServer((request, response) => {
      void buffer(request).then((body) => {
        const { resourceSpans } = JSON.parse(body.toString());
        const [{ resource, scopeSpans }] = resourceSpans;
        exports.push({
          headers: request.headers,
          path: request.url,
          resource: Object.fromEntries(
            resource.attributes.map((one: { key: string; value: object }) => [one.key, Object.values(one.value)[0]]),
          ),
          spans: scopeSpans.flatMap((scope: { spans: object[] }) => scope.spans),
        });
        setTimeout(() => response.end('{}'), delayMs);
      });
    });
    await once(collector.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  });
  after(() => {
    collector.closeAllConnections();
    collector.close();
  });
  beforeEach(() => {
    exports = [];
    lines = [];
    delayMs = 0;
  });

  async function guardOf(config: Values, others: readonly object[] = []): Promise<GuardFixture> {
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
    const guard = new GuardFixture({
      openTracing: async (endpoint) => endpointTracing({ ...endpoint, sluiceVersion: '1.2.3', nodeId: 'n', logger }),
    });
    const used = { traces_endpoint: url, queue: { max_coalescing_delay: 0.02 }, ...config };
    await guard.apply({ plugins: [{ name: 'opentelemetry', config: used }, ...(others as Values[])] });
    return guard;
  }
  const spans = () => exports.flatMap((one) => one.spans);
  const exported = (count: number) => waitFor(() => spans().length >= count, { what: `${count} spans` });

  it('continues the trace of the caller, also of a request that another plugin answers', async () => {
    const guard = await guardOf({}, [{ name: 'ip-restriction', config: { deny: ['192.0.2.1'] } }]);
    expect((await guard.send({ headers: traceparent })).status).to.equal(403);
    await exported(1);
    const [span] = spans();
    expect(span).to.include({ traceId: trace, parentSpanId: 'b7ad6b7169203331', name: 'POST guarded' });
    expect(exports[0]?.path).to.equal('/v1/traces');
    expect(exports[0]?.resource).to.include({ 'service.name': 'sluice', 'service.version': '1.2.3' });
  });

  it('sends neither headers nor secrets of the environment to its endpoint', async () => {
    process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'authorization=planted-secret';
    try {
      const guard = await guardOf({});
      await guard.send();
      await exported(1);
      expect(JSON.stringify(exports)).not.to.contain('planted-secret');
    } finally {
      delete process.env['OTEL_EXPORTER_OTLP_HEADERS'];
    }
  });

  it('costs a line in the log, and no request, where the endpoint fails', async () => {
    const guard = await guardOf({ traces_endpoint: 'http://127.0.0.1:1/', headers: { authorization: 'planted' } });
    expect((await guard.send()).status).to.equal(200);
    await waitFor(() => lines.some((line) => line.includes('trace_export_failed')), { what: 'the log line' });
    expect(lines.join()).not.to.contain('planted');
  });

  /** Each field with a behaviour; the others take their default alone. */
  const rows: Readonly<Record<string, () => Promise<void>>> = {
    traces_endpoint: async () => {
      await (await guardOf({})).send();
      await exported(1);
    },
    headers: async () => {
      await (await guardOf({ headers: { 'x-key': '{vault://env/SECRET}' } })).send();
      await exported(1);
      expect(exports[0]?.headers['x-key']).to.equal('from-env');
    },
    resource_attributes: async () => {
      await (await guardOf({ resource_attributes: { 'service.name': 'edge', zone: 'a' } })).send();
      await exported(1);
      expect(exports[0]?.resource).to.include({ 'service.name': 'edge', zone: 'a' });
    },
    'queue.max_batch_size': async () => {
      const guard = await guardOf({ queue: { max_batch_size: 2, max_coalescing_delay: 3600 } });
      for (let sent = 0; sent < 4; sent += 1) await guard.send();
      await exported(4);
      expect(exports.map((one) => one.spans.length)).to.deep.equal([2, 2]);
    },
    'queue.max_coalescing_delay': async () => {
      const guard = await guardOf({ queue: { max_coalescing_delay: 3600 } });
      await guard.send();
      const quick = await guardOf({ resource_attributes: { quick: '1' } });
      await quick.send();
      await exported(1);
      expect(exports.map(({ resource }) => resource['quick'])).to.deep.equal(['1']);
    },
    'queue.max_entries': async () => {
      const guard = await guardOf({ queue: { max_entries: 2, max_batch_size: 2, max_coalescing_delay: 0.3 } });
      for (let sent = 0; sent < 9; sent += 1) await guard.send();
      await exported(2);
      await guard.apply({});
      expect(spans().length).to.be.below(9);
    },
    read_timeout: async () => {
      delayMs = 500;
      await (await guardOf({ read_timeout: 50 })).send();
      await waitFor(() => lines.some((line) => line.includes('trace_export_failed')), { what: 'the log line' });
      expect(lines.join()).to.contain('no answer within 50 ms');
    },
    http_response_header_for_traceid: async () => {
      const guard = await guardOf({ http_response_header_for_traceid: 'X-Trace' });
      expect((await guard.send({ headers: traceparent })).headers.get('x-trace')).to.equal(trace);
      expect((await (await guardOf({})).send({ headers: traceparent })).headers.get('x-trace')).to.equal(undefined);
      await exported(2);
    },
    sampling_rate: async () => {
      const guard = await guardOf({ sampling_rate: 0 });
      await guard.send();
      await guard.send({ headers: traceparent });
      await exported(1);
      expect(spans().map(({ traceId }) => traceId)).to.deep.equal([trace]);
    },
  };
  for (const [field, test] of Object.entries(rows)) it(`has a field ${field} that does what it says`, test);

  const defaultsAlone: Readonly<Record<string, unknown>> = {
    logs_endpoint: 'http://l',
    batch_span_count: 5,
    batch_flush_delay: 5,
    connect_timeout: 5,
    send_timeout: 5,
    header_type: 'b3',
    'queue.max_bytes': 5,
    'queue.max_retry_time': 5,
    'queue.initial_retry_delay': 5,
    'queue.max_retry_delay': 5,
    'queue.concurrency_limit': 5,
    'propagation.extract': ['b3'],
    'propagation.clear': ['b3'],
    'propagation.inject': ['b3'],
    'propagation.default_format': 'b3',
  };
  for (const [path, value] of Object.entries(defaultsAlone)) {
    it(`takes the default alone for ${path}`, () => {
      const [first = '', second] = path.split('.');
      const config = { traces_endpoint: 'http://t', [first]: second === undefined ? value : { [second]: value } };
      expect(() => checkedEntities({ plugins: [{ name: 'opentelemetry', config }] })).to.throw('not supported yet');
    });
  }

  it('has no field that no test moves', () => {
    const paths = publishedPaths(pluginSchemas['opentelemetry'].config);
    expect([...Object.keys(rows), ...Object.keys(defaultsAlone)].toSorted()).to.deep.equal(paths.toSorted());
  });

  it('refuses an endpoint that is no URL, and takes the old name of the field', () => {
    const check = (config: Values) => checkedEntities({ plugins: [{ name: 'opentelemetry', config }] });
    expect(() => check({ traces_endpoint: 'ftp://x' })).to.throw('expected an http or https URL');
    expect(() => check({})).to.throw('at least one of these fields');
    expect(check({ endpoint: 'http://t' })['plugins']?.[0]?.['config']).to.include({ traces_endpoint: 'http://t' });
  });
});
