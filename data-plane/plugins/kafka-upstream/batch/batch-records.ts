import { RequestError } from '../../../../shared/errors.ts';
import { turns } from '../../../../shared/turns.ts';
import type { RecordHeader } from '../../../kafka/kafka-client.ts';
import type { GroupRecord } from '../../../kafka/producer-types.ts';
import { recordBytes } from '../../../kafka/wire/record-batch.ts';
import type { Exchange } from '../../../plugin-api/exchange.ts';
import { recordOf, type MadeRecords } from '../make-records.ts';
import type { RequestPart } from '../request-part.ts';
import { ElementFaults } from './element-faults.ts';
import type { Elements } from './elements.ts';

/** Elements whose records are made at a time where they wait for Lua or a schema. */
const waitingMax = 64;

export interface BatchBounds {
  readonly recordsMax: number;
  readonly recordsBytesMax: number;
}

export interface BatchOptions {
  readonly bounds: BatchBounds;
  /** Makes the records of one element. @throws RequestError */
  readonly make: (exchange: Exchange, part: RequestPart, deadlineMs: number) => MadeRecords | Promise<MadeRecords>;
  readonly elementOf: (bytes: Buffer) => RequestPart;
  /** Returns the headers that all records of a topic have: one list, which they share. */
  readonly headersOf: (topic: string) => readonly RecordHeader[];
}

/** The records of one request. */
export interface BatchRecords {
  readonly records: readonly GroupRecord[];
  /** The index of the element that each record comes from. */
  readonly indexes: readonly number[];
}

type Made =
  { readonly kind: 'made'; readonly made: MadeRecords } | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Makes the records of all elements before any of them is sent. Work goes in turns with other requests. Faults of elements
 * are gathered; a bound that is passed ends the work.
 */
export class BatchBuilder {
  readonly faults = new ElementFaults();
  /** Elements that were read. */
  count = 0;
  readonly #options: BatchOptions;
  readonly #records: GroupRecord[] = [];
  readonly #indexes: number[] = [];
  #bytes = 0;
  /** What is not ready yet, and all behind it: faults are told in the order of the elements. */
  #waiting: { readonly index: number | null; readonly result: Promise<Made> }[] = [];

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** @throws (rejects) RequestError with the faults of all elements, or BODY_TOO_LARGE */
  async build(exchange: Exchange, elements: Elements, deadlineMs: number): Promise<BatchRecords> {
    for (const step of elements) {
      if (step.kind === 'element') {
        this.#countElement();
        this.#make(exchange, step.index, step.bytes, deadlineMs);
        if (this.#waiting.length >= waitingMax) await this.#settleWaiting();
      } else if (step.kind === 'broken') {
        this.#countElement();
        this.#fail(step.index, new RequestError('BODY_INVALID', `The body is not valid JSON: ${step.message}.`));
      }
      if (turns.isOver()) await turns.next();
    }
    await this.#settleWaiting();
    if (!this.faults.isEmpty) throw this.faults.refusal(this.count);
    if (this.count === 0) throw new RequestError('BODY_INVALID', 'The body has no records.');
    return { records: this.#records, indexes: this.#indexes };
  }

  #countElement(): void {
    const { recordsMax } = this.#options.bounds;
    if (++this.count <= recordsMax) return;
    const details = [{ limit: recordsMax, unit: 'records' }];
    throw new RequestError('BODY_TOO_LARGE', `The request has more than ${recordsMax} records.`, { details });
  }

  #make(exchange: Exchange, index: number, bytes: Buffer, deadlineMs: number): void {
    const { make, elementOf } = this.#options;
    let made: MadeRecords | Promise<MadeRecords>;
    try {
      made = make(exchange, elementOf(bytes), deadlineMs);
    } catch (error) {
      this.#fail(index, error);
      return;
    }
    if (made instanceof Promise) {
      const failed = (error: unknown): Made => ({ kind: 'failed', error });
      this.#waiting.push({ index, result: made.then((ready) => ({ kind: 'made', made: ready }), failed) });
    } else if (this.#waiting.length > 0) {
      this.#waiting.push({ index, result: Promise.resolve({ kind: 'made', made }) });
    } else {
      this.#add(index, made);
    }
  }

  #fail(index: number | null, error: unknown): void {
    if (this.#waiting.length > 0) this.#waiting.push({ index, result: Promise.resolve({ kind: 'failed', error }) });
    else this.faults.add(index, error);
  }

  async #settleWaiting(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const results = await Promise.all(waiting.map(({ result }) => result));
    this.#waiting = [];
    results.forEach((result, position) => {
      const index = waiting[position]?.index ?? null;
      if (result.kind === 'failed') this.faults.add(index, result.error);
      else this.#add(index ?? 0, result.made);
    });
  }

  #add(index: number, { prepared, extras }: MadeRecords): void {
    // Once an element is at fault none is sent, and the rest is only checked.
    if (!this.faults.isEmpty) return;
    const { headersOf, bounds } = this.#options;
    for (const each of prepared) {
      const { topic } = each;
      const record = recordOf(each, headersOf(topic), extras);
      const bytes = recordBytes(record);
      this.#bytes += bytes;
      if (this.#bytes > bounds.recordsBytesMax) throw this.#tooLarge();
      this.#records.push({ topic, record, bytes });
      this.#indexes.push(index);
    }
  }

  #tooLarge(): RequestError {
    const limit = this.#options.bounds.recordsBytesMax;
    const message = `The records of the request are larger than ${limit} bytes.`;
    return new RequestError('BODY_TOO_LARGE', message, { details: [{ limit, unit: 'bytes' }] });
  }
}
