import type { Answer, RecordResult } from '../../plugin-api/exchange.ts';

interface Numbered {
  readonly number: number;
  readonly answer: Answer;
}

/** Gathers the answers to a call's messages, which may come in any order. */
export class CallVerdicts {
  /** Messages from the first on that are acked, or accepted. */
  #succeeded = 0;
  /** Messages behind one whose answer is awaited, or that failed. */
  readonly #later = new Set<number>();
  #last: Numbered | undefined = undefined;
  /** The first message that failed. */
  #failed: Numbered | undefined = undefined;
  /** Messages that may have been written, without a verdict. */
  #unknown = 0;

  /** Returns false for a message that ends its call. */
  note(number: number, answer: Answer): boolean {
    if (answer.status >= 300) {
      if (answer.result?.outcome === 'unknown') this.#unknown++;
      if (this.#failed === undefined || number < this.#failed.number) this.#failed = { number, answer };
      return false;
    }
    if (this.#last === undefined || number > this.#last.number) this.#last = { number, answer };
    if (number !== this.#succeeded) this.#later.add(number);
    else {
      this.#succeeded++;
      while (this.#later.size > 0 && this.#later.delete(this.#succeeded)) this.#succeeded++;
    }
    return true;
  }

  /**
   * Returns the answer of the call: that of the first message that failed, else that of the last one.
   * @param received The messages that were published.
   */
  answer(received: number): Answer {
    const shown = this.#failed ?? this.#last;
    if (shown === undefined) throw new Error('a call without a verdict');
    const { answer, number } = shown;
    // A call of one message is answered as its message is.
    const isStream = received > 1 || (this.#failed !== undefined && number > 0);
    if (answer.result === undefined || !isStream) return answer;
    return { ...answer, result: { ...answer.result, ...this.#counts(), outcome: this.#outcome(answer.result) } };
  }

  #counts(): Pick<RecordResult, 'acked' | 'accepted'> {
    return this.#last?.answer.result?.outcome === 'accepted'
      ? { accepted: this.#succeeded }
      : { acked: this.#succeeded };
  }

  /** What lies behind the first failure was published too: where any of it is written, or may be, the outcome is partial. */
  #outcome({ outcome }: RecordResult): RecordResult['outcome'] {
    const isUnknownBehind = outcome !== 'unknown' && this.#unknown > 0;
    return this.#later.size > 0 || isUnknownBehind ? 'partial' : outcome;
  }
}
