import { kafkaUpstreamSchema, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { takesBodyOnly } from '../../../shared/plugin-schemas/lua-functions.ts';
import type { KafkaRecord } from '../../kafka/client.ts';
import type { ProducerLease, ProducerOptions, Verdict } from '../../kafka/producer.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
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
import { compileAnswers } from './answer.ts';
import { decodeContent } from './content-encoding.ts';
import { compileKey } from './record-key.ts';
import { compileRecordHeaders } from './record-headers.ts';
import { compileTopic, compileTopics } from './record-topics.ts';
import { compileValueBytes, compileValueText } from './record.ts';

/** Turns a request into one Kafka record per target topic and answers the client (kafka-upstream.md). */
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

/** The value of a record for a topic. */
type ValueFor = (topic: string) => Buffer | Promise<Buffer>;
type Publish = (topic: string, record: KafkaRecord, deadlineMs: number) => Verdict | Promise<Verdict>;

/** Everything that the configuration decides is decided here, once. */
function createInstance(
  config: KafkaUpstreamConfig,
  options: ProducerOptions,
  deps: PluginDeps,
  lua: LuaChain | null,
): PluginInstance {
  const producer = deps.producers.acquire(options);
  const topics = [config.topic, ...(config.allowed_topics ?? []).filter((topic) => !topic.endsWith('*'))];
  const acquire = (role: 'key' | 'value'): EncoderLease | null => {
    const encoding = encoderOptions(config.schema_registry?.confluent, role, topics);
    return encoding === null ? null : deps.encoders.acquire(encoding);
  };
  const keyEncoder = acquire('key');
  const encoder = acquire('value');

  const publish = compilePublish(config, producer);
  const valueOf = compileValue(config, encoder, lua);
  const valuesOf = compileValues(config, encoder, lua);
  const keyTextOf = compileKey(config);
  const keyFor = compileKeyFor(keyEncoder);
  const topicOf = compileTopic(config);
  const topicsOf = compileTopics(config);
  const headersOf = compileRecordHeaders(config.headers);
  const answers = compileAnswers({
    topic: config.topic,
    returnErrorName: config.error_handling.return_error_message,
  });
  const deliveryTimeoutMs = config.delivery_timeout;
  const bodyBytesMax = deps.requestBodyMaxBytes;

  async function readBody(exchange: Exchange): Promise<Buffer> {
    const body = await exchange.readBody();
    const encoding = exchange.headers.get('content-encoding');
    return encoding === undefined ? body : decodeContent(encoding, body, bodyBytesMax);
  }

  // Here and below: what is there at once is not waited for.
  async function accessOne(exchange: Exchange): Promise<Answer> {
    const deadlineMs = exchange.receivedAtMs + deliveryTimeoutMs;
    const topic = topicOf(exchange);
    const body = await readBody(exchange);
    const text = keyTextOf(exchange, body);
    const madeKey = keyFor(topic, text instanceof Promise ? await text : text, deadlineMs);
    const key = madeKey instanceof Promise ? await madeKey : madeKey;
    const made = valueOf(topic, exchange, body, deadlineMs);
    const value = made instanceof Promise ? await made : made;
    const span = exchange.span?.produce(topic);
    const record = { key, value, headers: headersOf(exchange.headers, span?.traceparent) };
    const verdict = await publish(topic, record, deadlineMs);
    span?.end(verdict);
    return answers.one(verdict);
  }

  async function accessSeveral(exchange: Exchange): Promise<Answer> {
    const deadlineMs = exchange.receivedAtMs + deliveryTimeoutMs;
    const targets = topicsOf(exchange);
    const body = await readBody(exchange);
    const keyText = await keyTextOf(exchange, body);
    const valueFor = await valuesOf(exchange, body, deadlineMs);
    // All records are encoded before any goes out: data that does not fit refuses the whole request.
    const records = await Promise.all(
      targets.map(async (topic) => {
        const key = await keyFor(topic, keyText, deadlineMs);
        return { topic, key, value: await valueFor(topic) };
      }),
    );
    const common = exchange.span === undefined ? headersOf(exchange.headers) : undefined;
    const verdicts = await Promise.all(
      records.map(async ({ topic, key, value }) => {
        const span = exchange.span?.produce(topic);
        const headers = common ?? headersOf(exchange.headers, span?.traceparent);
        const verdict = await publish(topic, { key, value, headers }, deadlineMs);
        span?.end(verdict);
        return verdict;
      }),
    );
    return answers.several(verdicts, () => exchange.requestId);
  }

  return {
    access: config.topics_query_arg === null ? accessOne : accessSeveral,
    close() {
      producer.release();
      keyEncoder?.release();
      encoder?.release();
      lua?.release();
    },
  };
}

function compilePublish(config: KafkaUpstreamConfig, producer: ProducerLease): Publish {
  return config.producer_async
    ? (topic, record, deadlineMs) => producer.enqueue(topic, record, deadlineMs)
    : (topic, record, deadlineMs) => producer.publish(topic, record, deadlineMs);
}

/** The key's bytes: its text in UTF-8, or what its schema makes of the text. */
function compileKeyFor(
  encoder: EncoderLease | null,
): (topic: string, text: string | null, deadlineMs: number) => Buffer | null | Promise<Buffer> {
  if (encoder === null) return (_topic, text) => (text === null ? null : Buffer.from(text));
  return (topic, text, deadlineMs) => (text === null ? null : encoder.encode(topic, text, deadlineMs));
}

/** The value for one topic. */
function compileValue(
  config: KafkaUpstreamConfig,
  encoder: EncoderLease | null,
  lua: LuaChain | null,
): (topic: string, exchange: Exchange, body: Buffer, deadlineMs: number) => Buffer | Promise<Buffer> {
  if (encoder === null) {
    const bytesOf = compileValueBytes(config, lua);
    return (_topic, exchange, body, deadlineMs) => bytesOf(exchange, body, deadlineMs);
  }
  const textOf = compileValueText(config, lua);
  return (topic, exchange, body, deadlineMs) => {
    const text = textOf(exchange, body, deadlineMs);
    if (typeof text === 'string') return encoder.encode(topic, text, deadlineMs);
    return text.then((late) => encoder.encode(topic, late, deadlineMs));
  };
}

/** The values for several topics: made once, and with a schema registry encoded for each. */
function compileValues(
  config: KafkaUpstreamConfig,
  encoder: EncoderLease | null,
  lua: LuaChain | null,
): (exchange: Exchange, body: Buffer, deadlineMs: number) => Promise<ValueFor> {
  if (encoder === null) {
    const bytesOf = compileValueBytes(config, lua);
    return async (exchange, body, deadlineMs) => {
      const bytes = await bytesOf(exchange, body, deadlineMs);
      return () => bytes;
    };
  }
  const textOf = compileValueText(config, lua);
  return async (exchange, body, deadlineMs) => {
    const text = await textOf(exchange, body, deadlineMs);
    return (topic) => encoder.encode(topic, text, deadlineMs);
  };
}
