import { RequestError } from '../../../shared/errors.ts';
import {
  kafkaUpstreamSchema,
  makesElements,
  type KafkaUpstreamConfig,
} from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { takesBodyOnly } from '../../../shared/plugin-schemas/lua-functions.ts';
import type { ProducerOptions, Verdict } from '../../kafka/producer-types.ts';
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
import { compileBatchAccess } from './batch/batch-access.ts';
import { compileElements } from './batch/compile-elements.ts';
import { arrayElements } from './batch/elements.ts';
import { elementJson, readBodyJson } from './body-json.ts';
import { compileEventParts, isEventBatch } from './cloudevents/event-parts.ts';
import { decodeContent } from './content-encoding.ts';
import { compileIdempotency } from './idempotency.ts';
import { compileMakeRecords, type MadeRecords, recordOf } from './make-records.ts';
import { compileRecords, type PreparedRecord } from './prepare-records.ts';
import { checkPlaces, compileExtras, noExtras, readsBodyJson } from './record-extras.ts';
import { compileRecordHeaders } from './record-headers.ts';
import type { RecordParts } from './record-parts.ts';
import type { RequestPart } from './request-part.ts';
import { compileTopics, topicNeedsBody } from './record-topics.ts';
import { trialAccess } from './trial-access.ts';

/** Turns a request into one Kafka record per target topic and answers the client. */
export const kafkaUpstream: PluginDefinition<KafkaUpstreamConfig> = {
  version: kafkaUpstreamSchema.version,
  priority: kafkaUpstreamSchema.priority,
  publishes: true,
  isTriable: true,
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
  const parts: RecordParts = {
    producer,
    readBody: compileReadBody(deps.requestBodyMaxBytes),
    ...compileParts(config),
    topicsOf: compileTopics(config),
    topicFromBody: topicNeedsBody(config),
    make: compileMakeRecords(compileRecords(config, { keyEncoder, valueEncoder, lua }), compileExtras(config)),
    headersOf: compileRecordHeaders(config.headers),
  };
  const access = compileRequests(config, parts);
  const sending = compileIdempotency(config, deps.answeredKeys ?? new AnsweredKeys(), access);
  // Records of a trial are noted in place of being queued, so that its answer is that of asynchronous mode.
  const trying = trialAccess(producer, options.label, (noting) =>
    compileRequests({ ...config, producer_async: true }, { ...parts, producer: noting }),
  );

  return {
    access: (exchange) => (exchange.trial === undefined ? sending(exchange) : trying(exchange, exchange.trial)),
    close() {
      producer.release();
      keyEncoder?.release();
      valueEncoder?.release();
      lua?.release();
    },
  };
}

/** Compiles the access of requests of one record or of many, as the configuration or the request says. */
function compileRequests(config: KafkaUpstreamConfig, parts: RecordParts): (exchange: Exchange) => Promise<Answer> {
  if (makesElements(config)) return compileBatchAccess(config, parts, compileElements(config));
  const access = compileAccess(config, parts);
  if (config.records_from !== 'cloudevents') return access;
  const batchAccess = compileBatchAccess(config, parts, (_exchange, body) => arrayElements(body, ''));
  return (exchange) => (isEventBatch(exchange.headers) ? batchAccess : access)(exchange);
}

/** Compiles how a body, and an element of one, is read into what a record is made of. */
function compileParts(config: KafkaUpstreamConfig): Pick<RecordParts, 'partOf' | 'elementOf'> {
  const needsJson = readsBodyJson(config);
  if (config.records_from === 'cloudevents') {
    const { partOf, elementOf } = compileEventParts(config, needsJson);
    return { partOf: ({ headers }, body) => partOf(headers, body), elementOf };
  }
  if (!needsJson) {
    const alone = (body: Buffer): RequestPart => ({ body, json: null, event: null });
    return { partOf: (_exchange, body) => alone(body), elementOf: alone };
  }
  return {
    partOf({ headers }, body) {
      const json = readBodyJson(headers, body);
      return json instanceof Promise
        ? json.then((ready) => ({ body, json: ready, event: null }))
        : { body, json, event: null };
    },
    elementOf: (bytes) => ({ body: bytes, json: elementJson(bytes), event: null }),
  };
}

/** Compiles the access of requests that make one record for each of their topics. */
function compileAccess(config: KafkaUpstreamConfig, parts: RecordParts): (exchange: Exchange) => Promise<Answer> {
  const { producer, readBody, partOf, topicsOf, topicFromBody, make } = parts;
  const publish = compilePublish(config, parts);
  const answer = compileAnswers({
    topic: config.topic,
    returnErrorName: config.error_handling.return_error_message,
  });
  const deliveryTimeoutMs = config.delivery_timeout;
  const configured = [config.topic];

  // What is ready at once is not awaited.
  return async (exchange) => {
    const deadlineMs = Math.min(exchange.receivedAtMs + deliveryTimeoutMs, exchange.deadlineMs ?? Infinity);
    let topics: readonly string[] = configured;
    let made: MadeRecords;
    try {
      if (!topicFromBody) topics = topicsOf(exchange, null);
      const body = await readBody(exchange);
      const reading = partOf(exchange, body);
      const part = reading instanceof Promise ? await reading : reading;
      if (topicFromBody) topics = topicsOf(exchange, part.json);
      const making = make(exchange, part, topics, deadlineMs);
      made = making instanceof Promise ? await making : making;
      if (made.extras !== noExtras) await checkPlaces(producer, topics, made.extras.place, deadlineMs);
    } catch (error) {
      // The request is refused before any of its records is published.
      if (error instanceof RequestError) for (const topic of topics) producer.countRefused(topic, error.outcome);
      throw error;
    }
    const verdicts = publish(exchange, made, deadlineMs);
    return answer(verdicts instanceof Promise ? await verdicts : verdicts, () => exchange.requestId);
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
  made: MadeRecords,
  deadlineMs: number,
) => readonly Verdict[] | Promise<readonly Verdict[]>;

/** Publishes the records of a request together. Each has a span of its own where the request is traced. */
function compilePublish(config: KafkaUpstreamConfig, { producer, headersOf }: RecordParts): Publish {
  const send = config.producer_async ? producer.enqueue : producer.publish;
  return ({ span, headers, secrets }, { prepared, extras }, deadlineMs) => {
    if (span === undefined) {
      const common = headersOf(headers, undefined, secrets?.headers);
      return allReady(prepared.map((record) => send(record.topic, recordOf(record, common, extras), deadlineMs)));
    }
    const traced = async (record: PreparedRecord): Promise<Verdict> => {
      const recordSpan = span.produce(record.topic);
      const own = headersOf(headers, recordSpan.traceparent, secrets?.headers);
      const verdict = await send(record.topic, recordOf(record, own, extras), deadlineMs);
      recordSpan.end(verdict);
      return verdict;
    };
    return Promise.all(prepared.map(traced));
  };
}
