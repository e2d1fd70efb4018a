import { CountedLeases, type Lease } from '../../shared/counted-leases.ts';
import { IssuerKeys, keysTimeoutMs, type IssuerEvents } from './issuer-keys.ts';

export interface IssuersDeps {
  readonly events?: IssuerEvents;
  readonly nowMs?: () => number;
  /** Bounds a fetch of keys. */
  readonly timeoutMs?: number;
}

const noEvents: IssuerEvents = { onKeys: () => undefined, onFailure: () => undefined };

/** The issuers whose tokens a node takes. Their keys outlive the plugins that use them, so that a change loses none. */
export class Issuers {
  readonly #events: IssuerEvents;
  readonly #nowMs: () => number;
  readonly #timeoutMs: number;
  readonly #leases = new CountedLeases<string, IssuerKeys>(() => undefined);

  constructor({ events = noEvents, nowMs = () => performance.now(), timeoutMs = keysTimeoutMs }: IssuersDeps = {}) {
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#nowMs = nowMs;
  }

  /** Returns the keys of an issuer, shared by all plugins with the same settings. */
  acquire(issuer: string, ttlSeconds: number): Lease<IssuerKeys> {
    const [events, nowMs, timeoutMs] = [this.#events, this.#nowMs, this.#timeoutMs];
    const deps = { issuer, ttlMs: ttlSeconds * 1_000, events, nowMs, timeoutMs };
    return this.#leases.acquire(JSON.stringify([issuer, ttlSeconds]), () => new IssuerKeys(deps));
  }
}
