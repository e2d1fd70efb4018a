import { RequestError } from '../../../shared/errors.ts';
import { kafkaUpstreamSchema, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { takesBodyOnly } from '../../../shared/plugin-schemas/lua-functions.ts';
import type { KafkaRecord, RecordHeader } from '../../kafka/kafka-client.ts';
import type { ProducerLease, ProducerOptions, Verdict } from '../../kafka/producer-types.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import { AnsweredKeys } from '../../plugin-api/answered-keys.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import type {
  PluginCreation,
  PluginDefinition,
  PluginDeps,
  PluginInstance,
} from '../../plugin-api/plugin-definition.ts';
import { encoderOptions } from '../kafka-settings/encoder-options.ts';
import { resolveConfig } from '../kafka-settings/resolve-config.ts';
import { allReady } from './all-ready.ts';
import { compileAnswers } from './answers.ts';
import { readBodyJson } from './body-json.ts';
import { type Extras, compileExtras, noExtras, readsBodyJson } from './record-extras.ts';
import { decodeContent } from './content-encoding.ts';
import { compileIdempotency } from './idempotency.ts';
import { compileRecords, type PreparedRecord } from './prepare-records.ts';
import { compileRecordHeaders } from './record-headers.ts';
import { compileTopics, topicNeedsBody } from './record-topics.ts';

/** Turns a request into one Kafka record per target topic and answers the client. */
export const kafkaUpstream: PluginDefinition<KafkaUpstreamConfig> = {
  version: kafkaUpstreamSchema.version,
  priority: kafkaUpstreamSchema.priority,
  publishes: true,
  create(stored, deps) {
    const resolved = resolveConfig(kafkaUpstreamSchema.config, stored, deps);
    if (resolved.kind === 'faults') return resolved;
    const { config, producer } = resolved;
    const functions = config.message_by_lua_functions ?? [];
    if (functions.length > 0 && !takesBodyOnly(functions)) return createWithLua(config, producer, functions, deps);
    return { kind: 'created', instance: createInstance(config, producer, deps, null) };
  },
};

async function createWithLua(
  config: KafkaUpstreamConfig,
  producer: ProducerOptions,
  functions: readonly string[],
  deps: PluginDeps,
): Promise<PluginCreation> {
  const acquired = await deps.lua.acquire(functions);
  if (acquired.kind === 'acquired') {
    return { kind: 'created', instance: createInstance(config, producer, deps, acquired.chain) };
  }
  const faults = acquired.faults.map(({ index, line, message }) => ({
    path: ['config', 'message_by_lua_functions', index],
    message: line === null ? message : `line ${line}: ${message}`,
  }));
  return { kind: 'faults', faults };
}

/** Everything that the configuration decides is decided here, once. */
function createInstance(
  config: KafkaUpstreamConfig,
  options: ProducerOptions,
  deps: PluginDeps,
  lua: LuaChain | null,
): PluginInstance {
  const producer = deps.producers.acquire(options);
  const keyEncoder = acquireEncoder(config, 'key', deps);
  const valueEncoder = acquireEncoder(config, 'value', deps);
  const readBody = compileReadBody(deps.requestBodyMaxBytes);
  const topicsOf = compileTopics(config);
  const needsJson = readsBodyJson(config);
  const topicFromBody = topicNeedsBody(config);
  const extrasOf = compileExtras(config, producer);
  const prepare = compileRecords(config, { keyEncoder, valueEncoder, lua });
  const publish = compilePublish(config, producer);
  const answer = compileAnswers({
    topic: config.topic,
    returnErrorName: config.error_handling.return_error_message,
  });
  const deliveryTimeoutMs = config.delivery_timeout;
  const configured = [config.topic];

  /** Counts the records of a request that is refused before any of them is published. */
  function countRefused(error: unknown, topics: readonly string[]): void {
    if (error instanceof RequestError) for (const topic of topics) producer.countRefused(topic, error.outcome);
  }

  // What is ready at once is not awaited.
  const access = async (exchange: Exchange): Promise<Answer> => {
    const deadlineMs = Math.min(exchange.receivedAtMs + deliveryTimeoutMs, exchange.deadlineMs ?? Infinity);
    let topics: readonly string[] = configured;
    let records: readonly PreparedRecord[];
    let extras = noExtras;
    try {
      if (!topicFromBody) topics = topicsOf(exchange, null);
      const body = await readBody(exchange);
      const json = needsJson ? await readBodyJson(exchange.headers, body) : null;
      if (topicFromBody) topics = topicsOf(exchange, json);
      const prepared = prepare(exchange, body, json, topics, deadlineMs);
      records = prepared instanceof Promise ? await prepared : prepared;
      if (extrasOf !== null) extras = await extrasOf(exchange, json, topics, deadlineMs);
    } catch (error) {
      countRefused(error, topics);
      throw error;
    }
    const verdicts = publish(exchange, records, extras, deadlineMs);
    return answer(verdicts instanceof Promise ? await verdicts : verdicts, () => exchange.requestId);
  };

  return {
    access: compileIdempotency(config, deps.answeredKeys ?? new AnsweredKeys(), access),
    close() {
      producer.release();
      keyEncoder?.release();
      valueEncoder?.release();
      lua?.release();
    },
  };
}

function acquireEncoder(
  config: KafkaUpstreamConfig,
  role: 'key' | 'value',
  { encoders }: PluginDeps,
): EncoderLease | null {
  const topics = [config.topic, ...(config.allowed_topics ?? []).filter((topic) => !topic.endsWith('*'))];
  const encoding = encoderOptions(config.schema_registry?.confluent, role, topics);
  return encoding === null ? null : encoders.acquire(encoding);
}

/** Compiles how the whole body is read and its content encoding undone. */
function compileReadBody(bodyBytesMax: number): (exchange: Exchange) => Promise<Buffer> {
  return (exchange) => {
    const { headers } = exchange;
    const received = exchange.readBody();
    if (headers.get('content-encoding') === undefined) return received;
    return received.then((body) => decodeContent(headers, body, bodyBytesMax));
  };
}

type Publish = (
  exchange: Exchange,
  records: readonly PreparedRecord[],
  extras: Extras,
  deadlineMs: number,
) => readonly Verdict[] | Promise<readonly Verdict[]>;

/** Publishes the records of a request together. Each has a span of its own where the request is traced. */
function compilePublish(config: KafkaUpstreamConfig, producer: ProducerLease): Publish {
  const headersOf = compileRecordHeaders(config.headers);
  const send = config.producer_async ? producer.enqueue : producer.publish;
  return ({ span, headers, secrets }, records, extras, deadlineMs) => {
    if (span === undefined) {
      const common = headersOf(headers, undefined, secrets?.headers);
      return allReady(records.map((record) => send(record.topic, recordOf(record, common, extras), deadlineMs)));
    }
    const traced = async (record: PreparedRecord): Promise<Verdict> => {
      const recordSpan = span.produce(record.topic);
      const own = headersOf(headers, recordSpan.traceparent, secrets?.headers);
      const verdict = await send(record.topic, recordOf(record, own, extras), deadlineMs);
      recordSpan.end(verdict);
      return verdict;
    };
    return Promise.all(records.map(traced));
  };
}

function recordOf({ key, value }: PreparedRecord, headers: readonly RecordHeader[], extras: Extras): KafkaRecord {
  if (extras === noExtras) return { key, value, headers };
  return { key, value, headers: [...headers, ...extras.headers], ...extras.place };
}
