import { Registry } from 'prom-client';
import { Producers } from '../../data-plane/kafka/producers.ts';
import type { Answer, Exchange } from '../../data-plane/plugin-api/exchange.ts';
import { HeaderList } from '../../data-plane/plugin-api/header-list.ts';
import type { PluginInstance } from '../../data-plane/plugin-api/plugin-definition.ts';
import { kafkaUpstream } from '../../data-plane/plugins/kafka-upstream/plugin.ts';
import { createEncoders } from '../../data-plane/schemas/encoders.ts';
import { RequestError } from '../../shared/errors.ts';
import { silentLogger } from '../../shared/log.ts';
import { buildConfig } from '../data-plane/plugins/kafka-upstream/build-config.ts';
import type { Closing } from './closing.ts';
import { testKafka } from './kafka.ts';
import { noCertificates } from './no-certificates.ts';
import { alone, instanceOf, noLua, noCredentials, noMetrics } from './plugins.ts';

/** A request to an instance; every part but the body may be left out. */
export interface UpstreamRequest {
  readonly body?: string | Buffer;
  readonly query?: string;
  readonly headers?: readonly string[];
  readonly protocol?: Exchange['protocol'];
}

/** Makes instances of kafka-upstream over the real Kafka and registry of the run. */
export function realUpstream(closing: Closing) {
  const shared = { logger: silentLogger(), metrics: new Registry() };
  const producers = new Producers({ ...shared, kafkaClient: 'kafkajs', producerMemoryMaxBytes: 64 * 1024 * 1024 });
  const encoders = createEncoders(shared);
  closing.add(async () => {
    await producers.close(performance.now() + 10_000);
    await encoders.close();
  });

  function create(config: Readonly<Record<string, unknown>>): PluginInstance {
    const [host, port] = (testKafka().split(',')[0] ?? '').split(':');
    const log = silentLogger();
    const deps = {
      ...alone(log),
      lua: noLua,
      certificates: noCertificates,
      credentials: noCredentials,
      metrics: noMetrics,
      log,
      env: {},
    };
    const checked = buildConfig({ bootstrap_servers: [{ host, port: Number(port) }], ...config });
    const instance = instanceOf(
      kafkaUpstream.create(checked, { producers, encoders, ...deps, requestBodyMaxBytes: 1024 * 1024 }),
    );
    closing.add(() => instance.close?.());
    return instance;
  }

  return { create, send };
}

/** Returns the answer, or the error that the node would answer with. */
async function send(instance: PluginInstance, request: UpstreamRequest): Promise<Answer | RequestError> {
  const { body = '', query = '', headers = ['content-type', 'application/json'], protocol = 'http' } = request;
  const exchange: Exchange = {
    receivedAtMs: performance.now(),
    requestId: 'r',
    protocol,
    method: 'POST',
    target: `/?${query}`,
    receivedTarget: `/?${query}`,
    path: '/',
    query,
    host: '',
    port: 80,
    sni: undefined,
    headers: new HeaderList([...headers]),
    clientAddress: '',
    route: undefined,
    consumer: undefined,
    credential: undefined,
    span: undefined,
    peerAddress: '127.0.0.1',
    isPeerTrusted: false,
    httpVersion: '1.1',
    upstreamLatencyMs: undefined,
    readBody: () => Promise.resolve(Buffer.from(body)),
    openBody: () => null,
    rewriteQuery: () => undefined,
    rewriteBody: () => undefined,
    onGone: () => undefined,
    inform: () => undefined,
  };
  try {
    const answer = await instance.access?.(exchange);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
}
