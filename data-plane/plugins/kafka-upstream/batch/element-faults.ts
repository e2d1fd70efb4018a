import { RequestError, type ErrorDetail } from '../../../../shared/errors.ts';

/** Faults that are kept; all are counted. An answer lists no more (`detailsBytesMax`). */
const detailsMax = 1_000;

/** The faults of a request's elements: one of them refuses the whole request, and the client is told of all. */
export class ElementFaults {
  readonly #details: ErrorDetail[] = [];
  #first: RequestError | undefined;
  #elements = 0;
  #total = 0;
  #lastIndex: number | null = -1;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /**
   * Adds the fault of an element; `index` null: of the body around them. Pointers begin with the index.
   * @throws the error itself where it says nothing of the element
   */
  add(index: number | null, error: unknown): void {
    if (!(error instanceof RequestError) || error.outcome !== 'rejected') throw error;
    const { code, message, details, detailsTotal } = error;
    this.#first ??= error;
    if (index === null || index !== this.#lastIndex) this.#elements++;
    this.#lastIndex = index;
    const base = index === null ? '' : `/${index}`;
    if (details === undefined || details.length === 0) {
      this.#total++;
      this.#keep({ pointer: base, rule: code, message });
      return;
    }
    this.#total += detailsTotal ?? details.length;
    for (const detail of details) this.#keep({ ...detail, pointer: base + (detail.pointer ?? '') });
  }

  /** Returns the error that refuses the request: that of the first fault, with all of them. */
  refusal(elements: number): RequestError {
    const first = this.#first;
    if (first === undefined) return new RequestError('INTERNAL', 'An unexpected error occurred');
    const message = `${this.#elements} of ${elements} elements cannot be taken, so that none is. ${first.message}`;
    return new RequestError(first.code, message, {
      details: this.#details,
      detailsTotal: this.#total,
      status: first.status,
      outcome: 'rejected',
      retryable: first.retryable,
      cause: first,
    });
  }

  #keep(detail: ErrorDetail): void {
    if (this.#details.length < detailsMax) this.#details.push(detail);
  }
}
