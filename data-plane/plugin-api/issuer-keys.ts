import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import { doublingMs } from '../../shared/backoff.ts';
import { isSafeUrl } from '../../shared/plugin-schemas/oidc-bearer.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import { createHttpClient } from '../http-client/http-client.ts';

/** Bounds both requests for the keys together. */
export const keysTimeoutMs = 5_000;
/** A discovery document and a set of keys are a few kilobytes. */
const answerBytesMax = 256 * 1024;
/** Keys of an issuer that are looked at. */
export const keysMax = 100;
/** A key that is not known makes the keys be fetched again, at most once in this time. */
export const unknownKeyMs = 10_000;
/** Pauses after a failed fetch. */
const pauses = { firstMs: 1_000, maxMs: 30_000 } as const;

export interface IssuerEvents {
  readonly onKeys: (issuer: string) => void;
  /** `reason` names neither tokens nor keys. */
  readonly onFailure: (issuer: string, reason: string) => void;
}

export interface IssuerKeysDeps {
  readonly issuer: string;
  readonly ttlMs: number;
  readonly events: IssuerEvents;
  readonly nowMs: () => number;
  readonly timeoutMs: number;
}

interface Fetched {
  readonly keySet: LocalJWKSet;
  readonly atMs: number;
}

/**
 * The public keys of an issuer, found by its discovery document (OpenID Connect Discovery 1.0). They are fetched when they
 * are first needed; the ones that are there serve on while the issuer cannot be reached.
 */
export class IssuerKeys {
  readonly #deps: IssuerKeysDeps;
  #fetched: Fetched | undefined;
  #underWay: Promise<void> | undefined;
  #failures = 0;
  #nextAttemptMs = Number.NEGATIVE_INFINITY;

  constructor(deps: IssuerKeysDeps) {
    this.#deps = deps;
  }

  /** Returns the keys; undefined when none were ever there. Old ones are fetched anew behind the request. */
  current(): LocalJWKSet | undefined | Promise<LocalJWKSet | undefined> {
    const { nowMs, ttlMs } = this.#deps;
    const fetched = this.#fetched;
    if (fetched === undefined) return this.#refresh().then(() => this.#fetched?.keySet);
    if (nowMs() - fetched.atMs >= ttlMs) void this.#refresh();
    return fetched.keySet;
  }

  /** Returns other keys than these, which lack one that a token names; undefined when there are none to be had now. */
  async newerThan(keySet: LocalJWKSet): Promise<LocalJWKSet | undefined> {
    const fetched = this.#fetched;
    if (fetched?.keySet === keySet && this.#deps.nowMs() - fetched.atMs >= unknownKeyMs) await this.#refresh();
    const newer = this.#fetched?.keySet;
    return newer === keySet ? undefined : newer;
  }

  /** Fetches the keys, one request in flight; a failure is told and leaves the keys that are there. Never rejects. */
  #refresh(): Promise<void> {
    const { nowMs, issuer, events, timeoutMs } = this.#deps;
    if (this.#underWay !== undefined) return this.#underWay;
    if (nowMs() < this.#nextAttemptMs) return Promise.resolve();
    this.#underWay = fetchKeys(issuer, timeoutMs)
      .then(
        (keySet) => {
          this.#fetched = { keySet, atMs: nowMs() };
          this.#failures = 0;
          events.onKeys(issuer);
        },
        (error: unknown) => {
          this.#nextAttemptMs = nowMs() + doublingMs(this.#failures, pauses);
          this.#failures += 1;
          events.onFailure(issuer, error instanceof Error ? error.message : 'no answer');
        },
      )
      .finally(() => {
        this.#underWay = undefined;
      });
    return this.#underWay;
  }
}

/** @throws Error with the reason */
async function fetchKeys(issuer: string, timeoutMs: number): Promise<LocalJWKSet> {
  const untilMs = performance.now() + timeoutMs;
  const discovery = await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, untilMs);
  if (discovery['issuer'] !== issuer) throw new Error('its discovery document is that of another issuer');
  const { jwks_uri: url } = discovery;
  if (typeof url !== 'string' || !isSafeUrl(url)) throw new Error('its discovery document names no usable jwks_uri');
  const { keys } = await getJson(url, untilMs);
  const usable = (Array.isArray(keys) ? keys.slice(0, keysMax) : []).filter(isPublicKey);
  if (usable.length === 0) throw new Error('it has no public key that signs');
  return createLocalJWKSet({ keys: usable });
}

async function getJson(url: string, untilMs: number): Promise<Readonly<Record<string, unknown>>> {
  // A client an origin: the keys may be on another server than the discovery document.
  const client = createHttpClient(url, { sslVerify: true, keepAlive: false, answerBytesMax });
  try {
    const timeoutMs = Math.max(1, Math.round(untilMs - performance.now()));
    const headers = { accept: 'application/json' };
    const { status, body } = await client.send({ url, method: 'GET', headers, timeoutMs });
    if (status !== 200) throw new Error(`it answered ${status}`);
    if (!isRecord(body)) throw new Error('its answer is no JSON object');
    return body;
  } finally {
    client.close();
  }
}

const publicKinds: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

/** Secrets (`oct`) and keys for encryption check no signatures here. */
function isPublicKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  return isRecord(key) && publicKinds.has(key['kty']) && (key['use'] === undefined || key['use'] === 'sig');
}
