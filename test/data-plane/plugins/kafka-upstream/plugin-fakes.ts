import type { RecordFault } from '../../../../data-plane/kafka/check-group.ts';
import { Entry } from '../../../../data-plane/kafka/entry.ts';
import { GroupVerdicts } from '../../../../data-plane/kafka/group-verdicts.ts';
import type { KafkaRecord } from '../../../../data-plane/kafka/kafka-client.ts';
import type {
  FailedVerdict,
  GroupRecord,
  ProducerOptions,
  Verdict,
} from '../../../../data-plane/kafka/producer-types.ts';
import type { Producers } from '../../../../data-plane/kafka/producers.ts';
import type { LuaChains } from '../../../../data-plane/lua/lua-chains.ts';
import { kafkaLog } from '../../../../data-plane/plugins/kafka-log/plugin.ts';
import { kafkaUpstream } from '../../../../data-plane/plugins/kafka-upstream/plugin.ts';
import type { Certificates } from '../../../../data-plane/plugin-api/certificates.ts';
import type { PluginDeps, PluginInstance } from '../../../../data-plane/plugin-api/plugin-definition.ts';
import type { Answer, Exchange, ExchangeConsumer } from '../../../../data-plane/plugin-api/exchange.ts';
import { HeaderList } from '../../../../data-plane/plugin-api/header-list.ts';
import type { EncoderOptions, Encoders } from '../../../../data-plane/schemas/encoder.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { silentLogger } from '../../../../shared/log.ts';
import { alone, instanceOf, noCredentials, noMetrics } from '../../../helpers/plugins.ts';
import { buildConfig, buildLogConfig } from './build-config.ts';

export interface Sent {
  readonly topic: string;
  readonly record: KafkaRecord;
  readonly deadlineMs: number;
  readonly mode: 'publish' | 'enqueue';
}

/** Producers and encoders that only write down what they are asked. */
export class Fakes {
  readonly sent: Sent[] = [];
  readonly acquired: (Omit<ProducerOptions, 'label'> & { readonly label: string })[] = [];
  readonly encoderOptions: EncoderOptions[] = [];
  readonly encoded: string[] = [];
  /** Log entries: plugin and code. */
  readonly lost: string[] = [];
  /** Records that were refused before they were published: topic and outcome. */
  readonly refused: string[] = [];
  readonly checkedPlaces: object[] = [];
  /** Why the records of a request are not taken. */
  groupRefusal: FailedVerdict | null = null;
  /** Records of a request that the brokers would refuse. */
  unfit: readonly RecordFault[] = [];
  place: (topic: string) => FailedVerdict | null = () => null;
  /** The kind of every schema. */
  schemaType = 'AVRO';
  released = 0;
  queued: (topic: string) => Verdict = (topic) => ({ outcome: 'accepted', topic });
  verdict: (topic: string, position: number) => Verdict = (topic) => ({
    outcome: 'acked',
    topic,
    partition: 0,
    offset: '1',
  });

  readonly producers: Pick<Producers, 'acquire'> = {
    acquire: (options) => {
      this.acquired.push({ ...options, label: options.label() });
      const note = (mode: Sent['mode'], topic: string, record: KafkaRecord, deadlineMs: number): Verdict => {
        this.sent.push({ topic, record, deadlineMs, mode });
        return mode === 'enqueue' ? this.queued(topic) : this.verdict(topic, this.sent.length - 1);
      };
      const noteAll = (mode: Sent['mode'], records: readonly GroupRecord[], deadlineMs: number): GroupVerdicts => {
        const verdicts = new GroupVerdicts(records.length);
        records.forEach(({ topic, record, bytes }, position) => {
          const { settle } = verdicts;
          settle(
            note(mode, topic, record, deadlineMs),
            new Entry({ record, bytes, deadlineMs, queuedAtMs: 0, settle, position }),
          );
        });
        return verdicts;
      };
      return {
        publish: (topic, record, deadlineMs) => Promise.resolve(note('publish', topic, record, deadlineMs)),
        enqueue: (topic, record, deadlineMs) => note('enqueue', topic, record, deadlineMs),
        checkPlace: (topic, place) => {
          this.checkedPlaces.push({ topic, ...place });
          return Promise.resolve(this.place(topic));
        },
        partitionOf: () => null,
        publishAll: (records, deadlineMs) =>
          Promise.resolve(this.groupRefusal ?? noteAll('publish', records, deadlineMs)),
        enqueueAll: (records, deadlineMs) => {
          if (this.groupRefusal === null) noteAll('enqueue', records, deadlineMs);
          return Promise.resolve(this.groupRefusal);
        },
        checkAll: () => Promise.resolve(this.unfit),
        countRefused: (topic, outcome, count = 1) =>
          void this.refused.push(count === 1 ? `${topic} ${outcome}` : `${topic} ${outcome} ${count}`),
        release: () => void this.released++,
      };
    },
  };

  readonly encoders: Encoders = {
    destinations: () => [],
    unusable: () => [],
    acquire: (options) => {
      this.encoderOptions.push(options);
      return {
        frame: (topic, bytes, encoding) => {
          this.encoded.push(`${topic} ${encoding} ${bytes.toString('hex')}`);
          return Buffer.from(`framed for ${topic}`);
        },
        encode: (topic, jsonText) => {
          this.encoded.push(`${topic} ${jsonText}`);
          if (topic === 'late') return Promise.resolve(Buffer.from('late'));
          if (topic === 'late-bad') return Promise.reject(new RequestError('SCHEMA_REGISTRY_UNAVAILABLE', 'no'));
          if (topic === 'typed') return typedEncode(jsonText);
          if (topic === 'bad') throw new RequestError('SCHEMA_VALIDATION_FAILED', 'no');
          return Buffer.from(`encoded for ${topic}`);
        },
        typeOf: () => this.schemaType,
        release: () => void this.released++,
      };
    },
    close: () => Promise.resolve(),
  };

  /** What the functions make of a message. */
  luaResult: (message: string) => string | Buffer | null = (message) => message;
  readonly luaFunctions: (readonly string[])[] = [];
  readonly lua: Pick<LuaChains, 'acquire'> = {
    acquire: (functions) => {
      this.luaFunctions.push(functions);
      const run = async (message: string): Promise<string | Buffer | null> => this.luaResult(message);
      return Promise.resolve({ kind: 'acquired', chain: { run, release: () => void this.released++ } });
    },
  };

  /** Whatever is asked for is there. */
  readonly certificates: Certificates = {
    pair: (id) => ({ kind: 'found', value: { cert: `cert ${id}`, key: `key ${id}` } }),
    authority: (id) => ({ kind: 'found', value: `ca ${id}` }),
  };

  deps(env: PluginDeps['env'] = {}): PluginDeps {
    const { producers, encoders, lua, certificates } = this;
    const metrics = {
      ...noMetrics,
      logEntryLost: (plugin: string, code: string) => void this.lost.push(`${plugin} ${code}`),
    };
    const credentials = noCredentials;
    const log = silentLogger();
    return {
      ...alone(log, metrics),
      producers,
      encoders,
      lua,
      certificates,
      credentials,
      log,
      metrics,
      env,
      requestBodyMaxBytes: 1000,
    };
  }

  create(config: Readonly<Record<string, unknown>> = {}): PluginInstance {
    return instanceOf(kafkaUpstream.create(buildConfig(config), this.deps()));
  }

  createLog(config: Readonly<Record<string, unknown>> = {}): PluginInstance {
    return instanceOf(kafkaLog.create(buildLogConfig(config), this.deps()));
  }

  /** With functions that must run. */
  async createWithLua(config: Readonly<Record<string, unknown>>): Promise<PluginInstance> {
    return instanceOf(await kafkaUpstream.create(buildConfig(config), this.deps()));
  }
}

/** Takes `{"n": number}` alone. */
function typedEncode(jsonText: string): Buffer {
  if (/^\{"n":[0-9]+\}$/.test(jsonText)) return Buffer.from(`encoded ${jsonText}`);
  const details = [{ pointer: '/n', rule: 'type', expected: 'number', message: 'no number' }];
  throw new RequestError('SCHEMA_VALIDATION_FAILED', 'no', { details, detailsTotal: 1 });
}

/** A request as a listener hands it over. */
export function exchange(fields: {
  query?: string;
  headers?: string[];
  body?: string | Buffer;
  captures?: Readonly<Record<string, string>>;
  consumer?: ExchangeConsumer;
}): Exchange {
  const { query = '', headers = [], body = '', captures, consumer } = fields;
  return {
    receivedAtMs: 1000,
    requestId: 'r1',
    protocol: 'http',
    method: 'POST',
    target: `/?${query}`,
    receivedTarget: `/?${query}`,
    path: '/',
    query,
    host: 'h',
    port: 80,
    sni: undefined,
    headers: new HeaderList(headers),
    clientAddress: '127.0.0.1',
    route:
      captures === undefined
        ? undefined
        : { id: 'route-1', name: 'orders', serviceId: null, serviceName: null, captures },
    consumer,
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
}

export async function access(instance: PluginInstance, request: Exchange): Promise<Answer> {
  const answer = await instance.access?.(request);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}
