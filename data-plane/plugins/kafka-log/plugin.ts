import { performance } from 'node:perf_hooks';
import { RequestError, type ErrorCode } from '../../../shared/errors.ts';
import { stackOf } from '../../../shared/log.ts';
import { pacedLog } from '../../../shared/paced-log.ts';
import { kafkaLogSchema, type KafkaLogConfig } from '../../../shared/plugin-schemas/kafka-log.ts';
import type { EncoderLease } from '../../schemas/encoder.ts';
import { encoderOptions } from '../kafka-settings/encoder-options.ts';
import { resolveConfig, type ResolvedConfig } from '../kafka-settings/resolve-config.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../../plugin-api/plugin-definition.ts';
import { logEntry } from './log-entry.ts';

/** Entries of one instance that may wait for a schema registry at a time. */
const encodingMax = 1_000;

/** Sends an entry for each request to a Kafka topic, after its response. */
export const kafkaLog: PluginDefinition<KafkaLogConfig> = {
  version: kafkaLogSchema.version,
  priority: kafkaLogSchema.priority,
  publishes: false,
  create(stored, deps) {
    // No request waits for an entry, whatever the field says.
    const resolved = resolveConfig(kafkaLogSchema.config, { ...stored, producer_async: true }, deps);
    if (resolved.kind === 'faults') return resolved;
    return { kind: 'created', instance: createInstance(resolved, deps) };
  },
};

type Resolved = Extract<ResolvedConfig<KafkaLogConfig>, { kind: 'resolved' }>;

function createInstance({ config, producer: options }: Resolved, deps: PluginDeps): PluginInstance {
  const { topic, delivery_timeout: deliveryTimeoutMs } = config;
  const producer = deps.producers.acquire(options);
  const encoding = encoderOptions(config.schema_registry?.confluent, 'value', [topic]);
  const encoder = encoding === null ? null : deps.encoders.acquire(encoding);
  const warn = pacedLog((event, message, fields) => deps.log.warn(event, message, fields));
  let waiting = 0;
  let isClosed = false;

  function lose(code: ErrorCode, reason: string): void {
    deps.metrics.logEntryLost(kafkaLogSchema.name, code);
    warn('log_entry_lost', 'An entry of kafka-log was not queued', { topic, code, reason });
  }

  function enqueue(value: Buffer, deadlineMs: number): void {
    const verdict = producer.enqueue(topic, { key: null, value, headers: [] }, deadlineMs);
    if (verdict.outcome !== 'accepted' && verdict.outcome !== 'acked') lose(verdict.code, verdict.message);
  }

  function loseFor(error: unknown): void {
    if (error instanceof RequestError) lose(error.code, error.message);
    else lose('INTERNAL', stackOf(error));
  }

  /** With a schema: at once while it is cached, else when the registry has answered. */
  function encodeAndEnqueue(lease: EncoderLease, text: string, deadlineMs: number): void {
    const made = lease.encode(topic, text, deadlineMs);
    if (!(made instanceof Promise)) return enqueue(made, deadlineMs);
    waiting++;
    made
      .then((value) => enqueue(value, deadlineMs))
      .catch(loseFor)
      .finally(() => {
        waiting--;
        releaseUnused();
      });
  }

  /** Entries that wait for the registry outlive their requests. */
  function releaseUnused(): void {
    if (!isClosed || waiting > 0) return;
    producer.release();
    encoder?.release();
  }

  return {
    log(exchange, answer) {
      const nowMs = performance.now();
      const deadlineMs = nowMs + deliveryTimeoutMs;
      const text = logEntry(exchange, answer, { nowMs, nowEpochMs: Date.now() });
      if (encoder === null) return enqueue(Buffer.from(text), deadlineMs);
      if (waiting >= encodingMax) return lose('PRODUCER_OVERLOADED', 'Too many entries wait for the schema registry.');
      try {
        encodeAndEnqueue(encoder, text, deadlineMs);
      } catch (error) {
        loseFor(error);
      }
    },
    close() {
      isClosed = true;
      releaseUnused();
    },
  };
}
