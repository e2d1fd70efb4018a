import { RequestError } from '../../../../shared/errors.ts';
import type { RecordHeader } from '../../../kafka/kafka-client.ts';
import type { Exchange } from '../../../plugin-api/exchange.ts';
import type { RecordParts } from '../record-parts.ts';
import { topicsMax } from '../record-topics.ts';
import type { RequestPart } from '../request-part.ts';

type TopicSpan = ReturnType<NonNullable<Exchange['span']>['produce']>;

/** The topics of one request with many records, each with the headers and the span that its records share. */
export class BatchTopics {
  readonly #exchange: Exchange;
  readonly #parts: RecordParts;
  /** Null: each element names its own. */
  #fixed: readonly string[] | null = null;
  readonly #headers = new Map<string, readonly RecordHeader[]>();
  readonly #spans = new Map<string, TopicSpan>();

  constructor(exchange: Exchange, parts: RecordParts) {
    this.#exchange = exchange;
    this.#parts = parts;
  }

  /** Reads the topics that hold for all elements. @throws RequestError */
  readFixed(): void {
    const { topicsOf, topicFromBody } = this.#parts;
    if (!topicFromBody) this.#fixed = topicsOf(this.#exchange, null);
  }

  /** Returns the topics of an element. @throws RequestError */
  of({ json }: RequestPart): readonly string[] {
    if (this.#fixed !== null) return this.#fixed;
    const topics = this.#parts.topicsOf(this.#exchange, json);
    for (const topic of topics) {
      if (this.#headers.has(topic)) continue;
      if (this.#headers.size < topicsMax) this.headersOf(topic);
      else throw new RequestError('TOPIC_INVALID', `The elements name more than ${topicsMax} topics.`);
    }
    return topics;
  }

  headersOf(topic: string): readonly RecordHeader[] {
    const known = this.#headers.get(topic);
    if (known !== undefined) return known;
    const { span, headers, secrets } = this.#exchange;
    const topicSpan = span?.produce(topic);
    if (topicSpan !== undefined) this.#spans.set(topic, topicSpan);
    const made = this.#parts.headersOf(headers, topicSpan?.traceparent, secrets?.headers);
    this.#headers.set(topic, made);
    return made;
  }

  /** Counts the records of elements that were refused before any was published. */
  countRefused({ outcome }: RequestError, elements: number, configured: string): void {
    for (const topic of this.#fixed ?? [configured]) {
      this.#parts.producer.countRefused(topic, outcome, Math.max(1, elements));
    }
  }

  /** Ends the spans with what became of the request. */
  endSpans(outcome: string): void {
    for (const span of this.#spans.values()) span.end({ outcome });
  }
}
