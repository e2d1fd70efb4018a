import type { Destination } from '../../shared/destination.ts';
import type { Destinations } from '../../shared/generated/sluice/sync/v1/Destinations.ts';

/** How often the states are compared after an apply, while writes may wait for them. */
const soonMs = 100;
/** How long after an apply that goes on. */
const soonForMs = 5_000;
/** How often the states are compared otherwise. */
const laterMs = 1_000;
/** Bound of a report in bytes, so that a heartbeat stays below 64 KiB. */
const reportBytesMax = 48 * 1024;
/** Bounds of the texts of a destination, in characters. */
const nameCharsMax = 1_000;
const errorCharsMax = 300;
/** The bytes of a destination besides its texts, at most. */
const overheadBytes = 32;

const order: Readonly<Record<Destination['state'], number>> = { unreachable: 0, untested: 1, reachable: 2 };

/** Decides when the states of destinations are told: after each apply, and when one of them has changed. */
export class DestinationReports {
  readonly #list: () => readonly Destination[];
  /** Sends a heartbeat, which takes the report. */
  readonly #send: () => void;
  #told: string | undefined;
  #soonUntilMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(list: () => readonly Destination[], send: () => void) {
    this.#list = list;
    this.#send = send;
  }

  /** Begins to look for changes. */
  start(): void {
    this.#soonUntilMs = performance.now() + soonForMs;
    this.#schedule();
  }

  /** Another configuration runs: its states are told at once. */
  applied(): void {
    this.#told = undefined;
    this.#soonUntilMs = performance.now() + soonForMs;
    this.#schedule();
    this.#send();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Returns the report for a heartbeat; undefined when nothing has changed since the one before. */
  take(hash: string): Destinations | undefined {
    const list = this.#list();
    const key = keyOf(list);
    if (key === this.#told) return undefined;
    this.#told = key;
    return reportOf(hash, list);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#look(), performance.now() < this.#soonUntilMs ? soonMs : laterMs);
  }

  #look(): void {
    this.#schedule();
    if (keyOf(this.#list()) !== this.#told) this.#send();
  }
}

function keyOf(list: readonly Destination[]): string {
  return JSON.stringify(list);
}

/** Makes the report. Destinations that are not reachable come first, so that they are in it when not all fit. */
function reportOf(hash: string, list: readonly Destination[]): Destinations {
  const items: NonNullable<Destinations['items']> = [];
  let bytes = 0;
  for (const { kind, name, state, error } of list.toSorted((a, b) => order[a.state] - order[b.state])) {
    const item = { kind, name: name.slice(0, nameCharsMax), state, error: (error ?? '').slice(0, errorCharsMax) };
    bytes += Buffer.byteLength(item.name) + Buffer.byteLength(item.error) + overheadBytes;
    if (bytes > reportBytesMax) break;
    items.push(item);
  }
  return { hash, items, omitted: list.length - items.length };
}
