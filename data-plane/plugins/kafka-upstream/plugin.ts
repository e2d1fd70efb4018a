import { RequestError } from '../../../shared/errors.ts';
import { kafkaUpstreamSchema, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { takesBodyOnly } from '../../../shared/plugin-schemas/lua-functions.ts';
import type { ProducerLease, ProducerOptions, Verdict } from '../../kafka/producer-types.ts';
import type { LuaChain } from '../../lua/lua-chains.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import type {
  PluginCreation,
  PluginDefinition,
  PluginDeps,
  PluginInstance,
} from '../../plugin-api/plugin-definition.ts';
import { encoderOptions } from '../kafka-settings/encoder-options.ts';
import { resolveConfig } from '../kafka-settings/resolve-config.ts';
import { compileAnswers } from './answers.ts';
import { decodeContent } from './content-encoding.ts';
import { compileRecords, type PreparedRecord } from './prepare-records.ts';
import { compileRecordHeaders } from './record-headers.ts';
import { compileTopics } from './record-topics.ts';

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
  const prepare = compileRecords(config, { keyEncoder, valueEncoder, lua, readBody });
  const topicsOf = compileTopics(config);
  const publish = compilePublish(config, producer);
  const answer = compileAnswers({
    topic: config.topic,
    returnErrorName: config.error_handling.return_error_message,
  });
  const deliveryTimeoutMs = config.delivery_timeout;

  /** Counts the records of a request that is refused before any of them is published. */
  async function prepareCounted(exchange: Exchange, deadlineMs: number): Promise<readonly PreparedRecord[]> {
    let topics: readonly string[] = [config.topic];
    try {
      topics = topicsOf(exchange);
      return await prepare(exchange, topics, deadlineMs);
    } catch (error) {
      if (error instanceof RequestError) for (const topic of topics) producer.countRefused(topic, error.outcome);
      throw error;
    }
  }

  return {
    async access(exchange) {
      const deadlineMs = exchange.receivedAtMs + deliveryTimeoutMs;
      const records = await prepareCounted(exchange, deadlineMs);
      return answer(await publish(exchange, records, deadlineMs), () => exchange.requestId);
    },
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

function compileReadBody(bodyBytesMax: number): (exchange: Exchange) => Promise<Buffer> {
  return async (exchange) => {
    const body = await exchange.readBody();
    // Most requests have no such header: they do not wait for the next turn of the microtask queue.
    if (exchange.headers.get('content-encoding') === undefined) return body;
    return decodeContent(exchange.headers, body, bodyBytesMax);
  };
}

type Publish = (
  exchange: Exchange,
  records: readonly PreparedRecord[],
  deadlineMs: number,
) => Promise<readonly Verdict[]>;

/** Publishes the records of a request together. Each has a span of its own where the request is traced. */
function compilePublish(config: KafkaUpstreamConfig, producer: ProducerLease): Publish {
  const headersOf = compileRecordHeaders(config.headers);
  const send = config.producer_async ? producer.enqueue : producer.publish;
  return ({ span, headers }, records, deadlineMs) => {
    const untraced = span === undefined ? headersOf(headers) : undefined;
    return Promise.all(
      records.map(async ({ topic, key, value }) => {
        const recordSpan = span?.produce(topic);
        const recordHeaders = untraced ?? headersOf(headers, recordSpan?.traceparent);
        const verdict = await send(topic, { key, value, headers: recordHeaders }, deadlineMs);
        recordSpan?.end(verdict);
        return verdict;
      }),
    );
  };
}
