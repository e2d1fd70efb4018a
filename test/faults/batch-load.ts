import { setTimeout as delay } from 'node:timers/promises';
import { elementOf, type ElementNote, placeOf, prefixBreaks } from './batch-oracle.ts';

const elementsPerRequest = 60;
const keysPerWorker = 3;
const answerTimeoutMs = 30_000;
const pauseMs = 20;

interface AckedBody {
  readonly outcome?: string;
  readonly count?: number;
  readonly records?: readonly {
    readonly partition: number;
    readonly count: number;
    readonly first_offset: string;
    readonly last_offset: string;
  }[];
  readonly offsets?: readonly (readonly [index: number, partition: number, offset: string])[];
  readonly results?: readonly {
    readonly outcome: string;
    readonly indexes: readonly (readonly [first: number, last: number])[];
  }[];
}

/**
 * Workers that send batches of numbered elements, and after each answer what is not acked again, in its order, before
 * anything new.
 */
export class BatchLoad {
  readonly notes: ElementNote[] = [];
  /** Requests whose answer broke a rule, in words. */
  readonly broken: string[] = [];
  requests = 0;
  partial = 0;
  longestAnswerMs = 0;
  readonly #url: string;
  readonly #counts = new Map<string, number>();
  readonly #workers: Promise<void>[];
  #isStopped = false;

  constructor(url: string, workers: number) {
    this.#url = url;
    this.#workers = Array.from({ length: workers }, (_, index) => this.#work(`worker-${index}`));
  }

  /** Resolves once this many further requests have the outcome. */
  async seen(outcome: string, count: number, timeoutMs = 60_000): Promise<void> {
    const enough = (this.#counts.get(outcome) ?? 0) + count;
    const untilMs = performance.now() + timeoutMs;
    while ((this.#counts.get(outcome) ?? 0) < enough) {
      if (performance.now() > untilMs) {
        const counts = JSON.stringify(Object.fromEntries(this.#counts));
        throw new Error(`no ${count} answers '${outcome}' within ${timeoutMs} ms; in all: ${counts}`);
      }
      await delay(10);
    }
  }

  /** Sends nothing new; resolves when every element is acked. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers);
  }

  async #work(worker: string): Promise<void> {
    let left: ElementNote[] = [];
    while (left.length > 0 || !this.#isStopped) {
      if (left.length === 0) left = this.#newElements(worker);
      left = await this.#send(left);
      await delay(pauseMs);
    }
  }

  #newElements(worker: string): ElementNote[] {
    return Array.from({ length: elementsPerRequest }, (_, index) => {
      const note = { number: this.notes.length, key: `${worker}-${index % keysPerWorker}`, attempts: [] };
      this.notes.push(note);
      return note;
    });
  }

  /** @returns the elements that have to be sent again */
  async #send(elements: readonly ElementNote[]): Promise<ElementNote[]> {
    const startedMs = performance.now();
    const body = await this.#post(elements.map(({ number, key }) => elementOf(number, key)).join('\n'));
    this.longestAnswerMs = Math.max(this.longestAnswerMs, performance.now() - startedMs);
    this.requests++;
    const { outcome = 'none' } = body;
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
    if (outcome === 'partial') this.partial++;
    const outcomes = elements.map(() => (outcome === 'partial' ? 'untold' : outcome));
    for (const result of body.results ?? []) {
      for (const [first, last] of result.indexes) outcomes.fill(result.outcome, first, last + 1);
    }
    const places = new Map(body.offsets?.map(([index, partition, offset]) => [index, placeOf(partition, offset)]));
    elements.forEach(({ attempts }, index) =>
      attempts.push({ outcome: outcomes[index] ?? 'untold', place: places.get(index) ?? null }),
    );
    this.#check(body, elements, outcomes);
    return elements.filter((_, index) => outcomes[index] !== 'acked');
  }

  #check(body: AckedBody, elements: readonly ElementNote[], outcomes: readonly string[]): void {
    if (outcomes.includes('untold')) this.broken.push('an element of a partial answer is not told');
    const breaks = prefixBreaks(
      outcomes,
      elements.map(({ key }) => key),
    );
    if (breaks.length > 0) this.broken.push(`acked behind one that was not: ${breaks.join()}`);
    if (body.outcome !== 'acked') return;
    if (body.count !== elements.length) this.broken.push(`count ${body.count} of ${elements.length}`);
    for (const { partition, count, first_offset: first, last_offset: last } of body.records ?? []) {
      const offsets = (body.offsets ?? [])
        .filter(([, each]) => each === partition)
        .map(([, , offset]) => Number(offset));
      const isTrue =
        offsets.length === count && Math.min(...offsets) === Number(first) && Math.max(...offsets) === Number(last);
      if (!isTrue) this.broken.push(`the range ${first} to ${last} of ${count} in partition ${partition}`);
    }
  }

  async #post(body: string): Promise<AckedBody> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', prefer: 'return=representation' },
        body,
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      return (await response.json()) as AckedBody;
    } catch {
      // The connection broke before an answer came; nothing was promised.
      return {};
    }
  }
}
