import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { adminOk, bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { type ControlPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: Pick<OtlpSpan, 'attributes'>;
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

const serverKind = 2;
const clientKind = 3;
const producerKind = 4;
const errorStatus = 2;
const trace = '0af7651916cd43dd8448eb211c80319c';
const caller = 'b7ad6b7169203331';

function attribute({ attributes }: Pick<OtlpSpan, 'attributes'>, key: string): unknown {
  return Object.values(attributes.find((each) => each.key === key)?.value ?? {})[0];
}

describe('traces', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let controlPlane: ControlPlaneProcess;
  let folder: string;
  let topic: string;
  const spans: OtlpSpan[] = [];
  const resources: Pick<OtlpSpan, 'attributes'>[] = [];
  let collector: string;
  const requests: string[] = [];

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    // A collector stands at an edge: what it was told is looked at, in OTLP's own JSON.
    const server = createServer((request, response) => {
      let text = '';
      requests.push(`${request.url} ${String(request.headers['x-collector'])}`);
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        const body = JSON.parse(text) as OtlpBody;
        for (const { resource, scopeSpans } of body.resourceSpans) {
          resources.push(resource);
          spans.push(...scopeSpans.flatMap((scope) => scope.spans));
        }
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    closing.add(() => server.closeAllConnections());
    closing.add(() => void server.close());
    collector = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    topic = await createTopic('traces');
    controlPlane = await runControlPlane({ folder });
    closing.add(() => controlPlane.stop());
    const config = { bootstrap_servers: bootstrapServers(testKafka()), topic, record_value: 'body' };
    await makeKafkaRoute(controlPlane.admin, { name: 'orders', path: '/orders', config });
    const several = { ...config, topics_query_arg: 'to', allowed_topics: [`${topic}-absent`] };
    await makeKafkaRoute(controlPlane.admin, { name: 'several', path: '/several', config: several });
    const silent = { ...config, headers: { forward_http_headers_as_record_headers: false } };
    await makeKafkaRoute(controlPlane.admin, { name: 'silent', path: '/silent', config: silent });
  });
  after(() => closing.close());

  async function node(name: string, env: NodeJS.ProcessEnv) {
    const running = await runDataPlane({ folder: `${folder}/${name}`, controlPlane: controlPlane.cluster, env });
    closing.add(() => running.stop());
    await running.line((line) => line.event === 'ready');
    return running;
  }
  const send = (url: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...headers } });
  const spanOf = (fits: (span: OtlpSpan) => boolean) => waitFor(() => spans.find(fits), { what: 'the span' });
  const lastRecord = async () => (await readTopic(topic)).at(-1);

  it('continue that of the caller, with a span for the request and one for the record, which the record names', async () => {
    const { proxy } = await node('on', {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector=secret',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_SERVICE_NAME: 'edge',
    });
    const answer = await send(`${proxy}/orders?token=planted`, { traceparent: `00-${trace}-${caller}-01` });
    expect(answer.status).to.equal(200);
    const request = await spanOf(({ kind, traceId }) => kind === serverKind && traceId === trace);
    expect(request).to.include({ parentSpanId: caller, name: 'POST orders' });
    expect(attribute(request, 'http.response.status_code')).to.equal(200);
    expect(attribute(request, 'url.path')).to.equal('/orders');
    const record = await spanOf(({ kind, traceId }) => kind === producerKind && traceId === trace);
    expect(record).to.include({ parentSpanId: request.spanId, name: `send ${topic}` });
    expect(attribute(record, 'sluice.outcome')).to.equal('acked');
    const written = await lastRecord();
    expect(attribute(record, 'messaging.destination.partition.id')).to.equal(String(written?.partition));
    expect(String(written?.headers['traceparent'])).to.equal(`00-${trace}-${record.spanId}-01`);
    const [resource] = resources;
    if (resource === undefined) throw new Error('no resource');
    expect(attribute(resource, 'service.name')).to.equal('edge');
    expect(attribute(resource, 'service.instance.id')).to.match(/^[0-9a-f-]{36}$/);
    expect(new Set(requests)).to.deep.equal(new Set(['/v1/traces secret']));
    expect(JSON.stringify(spans)).not.to.include('planted');

    // Without a caller's trace a new one; faults show.
    expect((await send(`${proxy}/several?to=${topic},${topic}-absent`)).status).to.equal(500);
    const absent = await spanOf(({ name }) => name === `send ${topic}-absent`);
    expect(attribute(absent, 'error.type')).to.equal('TOPIC_NOT_FOUND');
    expect(absent.status.code).to.equal(errorStatus);
    const good = await spanOf(({ name, traceId }) => name === `send ${topic}` && traceId === absent.traceId);
    expect(good.parentSpanId).to.equal(absent.parentSpanId);
    const started = await spanOf(({ spanId }) => spanId === absent.parentSpanId);
    expect(started.parentSpanId ?? '').to.equal('');
    expect(String((await lastRecord())?.headers['traceparent'])).to.equal(`00-${good.traceId}-${good.spanId}-01`);

    // Neither goes along where the plugin forwards no headers.
    expect((await send(`${proxy}/silent`, { traceparent: `00-${trace}-${caller}-01` })).status).to.equal(200);
    expect((await lastRecord())?.headers).to.deep.equal({});

    // A trace that the caller does not sample is not sampled here, and the flag is passed on.
    const unsampled = `${trace.slice(0, -1)}d`;
    expect((await send(`${proxy}/orders`, { traceparent: `00-${unsampled}-${caller}-00` })).status).to.equal(200);
    expect(String((await lastRecord())?.headers['traceparent'])).to.match(new RegExp(`^00-${unsampled}-\\w{16}-00$`));
    expect((await fetch(`${proxy}/nowhere`)).status).to.equal(404);
    await spanOf((span) => attribute(span, 'http.response.status_code') === 404 && span.name === 'GET');
    expect(spans.some(({ traceId }) => traceId === unsampled)).to.equal(false);
  });

  it('that cannot be exported cost a line in the log and nothing else', async () => {
    const away = await node('away', {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    });
    expect((await send(`${away.proxy}/orders`)).status).to.equal(200);
    await away.line(({ event }) => event === 'trace_export_failed');
    expect((await send(`${away.proxy}/orders`)).status).to.equal(200);
    expect(await away.stop()).to.equal(0);
  });

  it('are not made without a place to send them to: the trace of the caller goes along as it came', async () => {
    const off = await node('off', { OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    const traceparent = `00-${trace}-${caller}-01`;
    expect((await send(`${off.proxy}/orders`, { traceparent })).status).to.equal(200);
    expect(String((await lastRecord())?.headers['traceparent'])).to.equal(traceparent);
  });

  it('refuse a sampler that they do not know', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_TRACES_SAMPLER: 'sometimes' };
    const failure = await node('sampler', env).catch(String);
    expect(failure).to.include('OTEL_TRACES_SAMPLER: expected one of');
  });

  it('have a span for the request to a service, which goes on from it', async () => {
    const seen: (string | undefined)[] = [];
    const service = createServer((request, response) => {
      seen.push(String(request.headers['traceparent']));
      response.statusCode = 201;
      response.end();
    });
    await new Promise<void>((resolve) => {
      service.listen(0, '127.0.0.1', resolve);
    });
    closing.add(() => service.closeAllConnections());
    closing.add(() => void service.close());
    const { port } = service.address() as AddressInfo;
    for (const [name, at] of [
      ['shop', port],
      ['away', await freePort()],
    ] as const) {
      await adminOk(controlPlane.admin, 'PUT', `/services/${name}`, { host: '127.0.0.1', port: at });
      await adminOk(controlPlane.admin, 'PUT', `/services/${name}/routes/${name}`, { paths: [`/${name}`] });
    }
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_BSP_SCHEDULE_DELAY: '50' };
    const { proxy } = await node('proxying', env);
    const other = 'aaf7651916cd43dd8448eb211c80319c';
    expect((await send(`${proxy}/shop`, { traceparent: `00-${other}-${caller}-01` })).status).to.equal(201);
    const span = await spanOf(({ kind, traceId }) => kind === clientKind && traceId === other);
    const request = await spanOf(({ kind, traceId }) => kind === serverKind && traceId === other);
    expect(span).to.include({ name: 'POST shop', parentSpanId: request.spanId });
    expect(attribute(span, 'http.response.status_code')).to.equal(201);
    expect(seen).to.deep.equal([`00-${other}-${span.spanId}-01`]);
    expect((await send(`${proxy}/away`)).status).to.equal(502);
    const failed = await spanOf(({ kind, name }) => kind === clientKind && name === 'POST away');
    expect(failed.status.code).to.equal(errorStatus);
  });
});
