import { kafkaUpstreamSchema, type KafkaUpstreamConfig } from '../../../shared/plugin-schemas/kafka-upstream.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import type { KafkaRecord } from '../../kafka/client.ts';
import type { ProducerLease, Verdict } from '../../kafka/producer.ts';
import type { Answer, Exchange } from '../../proxy/exchange.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../plugin.ts';
import { compileAnswers } from './answer.ts';
import { producerOptions } from './cluster-settings.ts';
import { decodeContent } from './content-encoding.ts';
import { valueEncoderOptions } from './encoder-options.ts';
import { compileKey, compileTopics, compileValueBytes, compileValueText, recordHeaders } from './record.ts';

/** Turns a request into one Kafka record per target topic and answers the client (kafka-upstream.md). */
export const kafkaUpstream: PluginDefinition<KafkaUpstreamConfig> = {
  version: kafkaUpstreamSchema.version,
  priority: kafkaUpstreamSchema.priority,
  answers: true,
  create(stored, deps) {
    const { value: config, faults } = resolveReferences(kafkaUpstreamSchema.config, stored, deps.env);
    const unsupported = deps.unsupportedSettings?.(producerOptions(config).cluster) ?? [];
    const all = [
      ...faults,
      ...unsupported.map(({ field, reason }) => ({ path: field.split('.'), message: `not supported here: ${reason}` })),
    ];
    if (all.length > 0) {
      return { kind: 'faults', faults: all.map(({ path, message }) => ({ path: ['config', ...path], message })) };
    }
    return { kind: 'created', instance: createInstance(config, deps) };
  },
};

/** The value of a record for a topic. */
type ValueFor = (topic: string) => Buffer | Promise<Buffer>;
type Publish = (topic: string, record: KafkaRecord, deadlineMs: number) => Verdict | Promise<Verdict>;

/** Everything that the configuration decides is decided here, once. */
function createInstance(config: KafkaUpstreamConfig, deps: PluginDeps): PluginInstance {
  const producer = deps.producers.acquire(producerOptions(config));
  const topics = [config.topic, ...(config.allowed_topics ?? []).filter((topic) => !topic.endsWith('*'))];
  const options = valueEncoderOptions(config.schema_registry?.confluent, topics);
  const encoder = options === null ? null : deps.encoders.acquire(options);

  const publish = compilePublish(config, producer);
  const valueOf = compileValue(config, encoder);
  const valuesOf = compileValues(config, encoder);
  const keyOf = compileKey(config);
  const topicsOf = compileTopics(config);
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

  async function accessOne(exchange: Exchange): Promise<Answer> {
    const deadlineMs = exchange.receivedAtMs + deliveryTimeoutMs;
    const body = await readBody(exchange);
    const key = keyOf(exchange);
    const made = valueOf(exchange, body, deadlineMs);
    // A value that is there at once is not waited for.
    const value = Buffer.isBuffer(made) ? made : await made;
    const verdict = await publish(config.topic, { key, value, headers: recordHeaders(exchange.headers) }, deadlineMs);
    return answers.one(verdict);
  }

  async function accessSeveral(exchange: Exchange): Promise<Answer> {
    const deadlineMs = exchange.receivedAtMs + deliveryTimeoutMs;
    const targets = topicsOf(exchange);
    const body = await readBody(exchange);
    const key = keyOf(exchange);
    const headers = recordHeaders(exchange.headers);
    const valueFor = await valuesOf(exchange, body, deadlineMs);
    // All values are encoded before any record goes out: data that does not fit refuses the whole request.
    const records = await Promise.all(targets.map(async (topic) => ({ topic, value: await valueFor(topic) })));
    const verdicts = await Promise.all(
      records.map(async ({ topic, value }) => publish(topic, { key, value, headers }, deadlineMs)),
    );
    return answers.several(verdicts, () => exchange.requestId);
  }

  return {
    access: config.topics_query_arg === null ? accessOne : accessSeveral,
    close() {
      producer.release();
      encoder?.release();
    },
  };
}

function compilePublish(config: KafkaUpstreamConfig, producer: ProducerLease): Publish {
  return config.producer_async
    ? (topic, record, deadlineMs) => producer.enqueue(topic, record, deadlineMs)
    : (topic, record, deadlineMs) => producer.publish(topic, record, deadlineMs);
}

/** The value for the configured topic. */
function compileValue(
  config: KafkaUpstreamConfig,
  encoder: EncoderLease | null,
): (exchange: Exchange, body: Buffer, deadlineMs: number) => Buffer | Promise<Buffer> {
  if (encoder === null) return compileValueBytes(config);
  const { topic } = config;
  const textOf = compileValueText(config);
  return (exchange, body, deadlineMs) => {
    const text = textOf(exchange, body);
    if (typeof text === 'string') return encoder.encode(topic, text, deadlineMs);
    return text.then((late) => encoder.encode(topic, late, deadlineMs));
  };
}

/** The values for several topics: made once, and with a schema registry encoded for each. */
function compileValues(
  config: KafkaUpstreamConfig,
  encoder: EncoderLease | null,
): (exchange: Exchange, body: Buffer, deadlineMs: number) => Promise<ValueFor> {
  if (encoder === null) {
    const bytesOf = compileValueBytes(config);
    return async (exchange, body) => {
      const bytes = await bytesOf(exchange, body);
      return () => bytes;
    };
  }
  const textOf = compileValueText(config);
  return async (exchange, body, deadlineMs) => {
    const text = await textOf(exchange, body);
    return (topic) => encoder.encode(topic, text, deadlineMs);
  };
}
