import { RequestError } from '../../../../shared/errors.ts';
import type { KafkaUpstreamConfig } from '../../../../shared/plugin-schemas/kafka-upstream.ts';
import { GroupVerdicts } from '../../../kafka/group-verdicts.ts';
import type { FailedVerdict } from '../../../kafka/producer-types.ts';
import type { ProducerLease } from '../../../kafka/producer-lease.ts';
import type { Answer, Exchange } from '../../../plugin-api/exchange.ts';
import { errorOfVerdict } from '../answers.ts';
import type { RecordParts } from '../record-parts.ts';
import { acceptedBatch, batchAnswer } from './batch-answer.ts';
import { BatchBuilder, type BatchRecords } from './batch-records.ts';
import { BatchTopics } from './batch-topics.ts';
import type { ElementsOf } from './compile-elements.ts';
import { ElementFaults } from './element-faults.ts';

/** Makes the records of a request whose body holds many, publishes them and answers. @throws (rejects) RequestError */
export type BatchAccess = (exchange: Exchange) => Promise<Answer>;

/**
 * Compiles the access of requests whose body holds many records. Such a request is one promise: everything is read, checked
 * and encoded before the first record is sent, and all records are taken or none.
 */
export function compileBatchAccess(
  config: KafkaUpstreamConfig,
  parts: RecordParts,
  elementsOf: ElementsOf,
): BatchAccess {
  const { producer } = parts;
  const bounds = { recordsMax: config.records_max, recordsBytesMax: config.records_bytes_max };
  const answerOptions = { topic: config.topic, returnErrorName: config.error_handling.return_error_message };
  const send = compileSend(config, producer);

  return async (exchange) => {
    const topics = new BatchTopics(exchange, parts);
    const builder = new BatchBuilder({
      bounds,
      elementOf: parts.elementOf,
      make: (request, part, deadlineMs) => parts.make(request, part, topics.of(part), deadlineMs),
      headersOf: (topic) => topics.headersOf(topic),
    });
    let batch: BatchRecords;
    let deadlineMs: number;
    try {
      topics.readFixed();
      const body = await parts.readBody(exchange);
      // From here on: a large body takes its client a while to send.
      deadlineMs = Math.min(performance.now() + config.delivery_timeout, exchange.deadlineMs ?? Infinity);
      batch = await builder.build(exchange, elementsOf(exchange, body), deadlineMs);
      await refuseUnfit(producer, batch, builder.count, deadlineMs);
    } catch (error) {
      if (error instanceof RequestError) topics.countRefused(error, builder.count, config.topic);
      topics.endSpans('rejected');
      throw error;
    }
    const verdicts = await send(batch, deadlineMs);
    topics.endSpans(outcomeOf(verdicts));
    if (verdicts === null) return acceptedBatch(builder.count);
    if (!(verdicts instanceof GroupVerdicts)) throw errorOfVerdict(verdicts, answerOptions);
    const showsOffsets = wantsRepresentation(exchange);
    const requestId = (): string => exchange.requestId;
    return batchAnswer(verdicts, { batch, count: builder.count, showsOffsets, requestId }, answerOptions);
  };
}

type Send = (batch: BatchRecords, deadlineMs: number) => Promise<GroupVerdicts | FailedVerdict | null>;

/** Returns how records are sent: with their verdicts, or null once they are queued (async mode). */
function compileSend({ producer_async: isAsync }: KafkaUpstreamConfig, producer: ProducerLease): Send {
  if (isAsync) return ({ records }, deadlineMs) => producer.enqueueAll(records, deadlineMs);
  return ({ records }, deadlineMs) => producer.publishAll(records, deadlineMs);
}

/** Refuses a request when the brokers would not take one of its records. @throws (rejects) RequestError */
async function refuseUnfit(
  producer: ProducerLease,
  { records, indexes }: BatchRecords,
  elements: number,
  deadlineMs: number,
): Promise<void> {
  const unfit = await producer.checkAll(records, deadlineMs);
  if (unfit.length === 0) return;
  const faults = new ElementFaults();
  for (const { position, failure } of unfit) {
    const { code, message, details } = failure;
    const options = details === undefined ? {} : { details };
    faults.add(indexes[position] ?? 0, new RequestError(code, message, options));
  }
  throw faults.refusal(elements);
}

function outcomeOf(verdicts: GroupVerdicts | FailedVerdict | null): string {
  if (verdicts === null) return 'accepted';
  if (!(verdicts instanceof GroupVerdicts)) return verdicts.outcome;
  if (verdicts.failures.size === 0) return verdicts.acked > 0 ? 'acked' : 'accepted';
  const [first] = verdicts.failures.values();
  return verdicts.failures.size === verdicts.count && first !== undefined ? first.outcome : 'partial';
}

/** Says whether the client asks for the place of each record (RFC 7240). */
function wantsRepresentation({ headers }: Exchange): boolean {
  return headers
    .all('prefer')
    .some((value) => value.split(',').some((part) => /^\s*return\s*=\s*"?representation"?\s*(;|$)/i.test(part)));
}
