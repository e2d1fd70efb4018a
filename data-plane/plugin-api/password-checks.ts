import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { derive as scrypt, parsePasswordHash } from '../../shared/entities/password-hash.ts';
import { isSameSecret } from './constant-time.ts';

/** Passwords that are checked at the same time; each takes a thread for some 40 ms. */
export const passwordChecksMax = 2;
/** Checks that wait for one of those; further ones are refused. */
export const passwordChecksWaitingMax = 100;
/** Right passwords that a node remembers, as an HMAC under a key of the process. */
export const passwordsRememberedMax = 10_000;
export const passwordRememberedMs = 300_000;

export type PasswordVerdict = 'right' | 'wrong' | 'busy';

export interface PasswordChecksDeps {
  /** Called when a check is refused because too many wait. */
  readonly onBusy?: () => void;
  readonly nowMs?: () => number;
  /** Returns the key that a password and a salt make. */
  readonly derive?: (password: string, salt: Buffer) => Promise<Buffer>;
}

/** Checks passwords against their hashes, off the main thread and few at a time. */
export class PasswordChecks {
  readonly #onBusy: () => void;
  readonly #derive: (password: string, salt: Buffer) => Promise<Buffer>;
  readonly #key = randomBytes(32);
  readonly #right: LRUCache<string, true>;
  /** Checks under way or waiting, by what they check: clients that begin together share one. */
  readonly #open = new Map<string, Promise<PasswordVerdict>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Stands for the hash of a user name that nobody has, so that its check costs the same. */
  readonly #nobody = { salt: randomBytes(16), hash: randomBytes(32) };

  constructor({ onBusy = () => undefined, nowMs = () => performance.now(), derive = scrypt }: PasswordChecksDeps = {}) {
    this.#onBusy = onBusy;
    this.#derive = derive;
    this.#right = new LRUCache({
      max: passwordsRememberedMax,
      ttl: passwordRememberedMs,
      ttlResolution: 0,
      perf: { now: nowMs },
    });
  }

  /** Checks a password. `stored` is the hash of the user; undefined where there is no such user. */
  verify(username: string, password: string, stored: string | undefined): PasswordVerdict | Promise<PasswordVerdict> {
    const mark = this.#markOf(username, password, stored);
    if (this.#right.get(mark) === true) return 'right';
    const open = this.#open.get(mark);
    if (open !== undefined) return open;
    if (this.#waiting.length >= passwordChecksWaitingMax) {
      this.#onBusy();
      return 'busy';
    }
    const check = this.#check(password, stored)
      .then((isRight): PasswordVerdict => {
        if (isRight) this.#right.set(mark, true);
        return isRight ? 'right' : 'wrong';
      })
      .finally(() => this.#open.delete(mark));
    this.#open.set(mark, check);
    return check;
  }

  /** The hash is part of the mark: a changed password forgets the one before. */
  #markOf(username: string, password: string, stored: string | undefined): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([username, password, stored ?? null]))
      .digest('base64');
  }

  async #check(password: string, stored: string | undefined): Promise<boolean> {
    await this.#turn();
    try {
      const known = stored === undefined ? undefined : parsePasswordHash(stored);
      const { salt, hash } = known ?? this.#nobody;
      const isSame = isSameSecret(await this.#derive(password, salt), hash);
      return known !== undefined && isSame;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= passwordChecksMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
  }
}
