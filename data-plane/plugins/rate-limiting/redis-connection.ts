import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createClient } from '@redis/client';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Logger } from '../../../shared/log.ts';
import { pacedLog } from '../../../shared/paced-log.ts';
import { withinTime } from '../../../shared/within-time.ts';

export interface RedisSettings {
  readonly host: string;
  readonly port: number;
  /** Time to connect, and for each answer. */
  readonly timeoutMs: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  readonly tls: { readonly verifies: boolean; readonly serverName: string | null } | null;
}

/** Redis cannot be asked, or did not answer in time. */
export class RedisUnavailableError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'RedisUnavailableError';
  }
}

/** A Lua script that Redis runs as one step. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

export function redisScript(source: string): RedisScript {
  // The name that EVALSHA gives a script; no secret depends on it.
  return { source, sha: hash('sha1', source, 'hex') };
}

/** Commands of one connection that may wait for an answer; more are refused at once. */
const commandsMax = 10_000;
/** While Redis does not answer, one command in this time tries again; the others are refused at once. */
const trialEveryMs = 1_000;
const reconnect = { firstMs: 100, maxMs: 2_000 };

type Client = ReturnType<typeof open>;

/** One connection to a Redis server. Nobody waits longer than `timeoutMs`, and nobody waits where Redis is known to be away. */
export class RedisConnection {
  readonly #settings: RedisSettings;
  readonly #warn: ReturnType<typeof pacedLog>;
  readonly #log: Logger;
  /** Opened with the first command: an instance may be made only to be looked at. */
  #client: Client | undefined;
  #pending = 0;
  /** Why Redis cannot be asked; undefined while it answers, and until the first attempt to connect has ended. */
  #failure: string | undefined;
  #nextTrialMs = 0;
  #isClosed = false;
  /** Settles with the first attempt to connect. */
  #firstAttempt: Promise<void> = Promise.resolve();

  constructor(settings: RedisSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    this.#warn = pacedLog((event, message, fields) => log.warn(event, message, fields));
  }

  /** Runs a script. @throws (rejects) RedisUnavailableError */
  async run(script: RedisScript, keys: string[], values: string[]): Promise<unknown> {
    const { timeoutMs } = this.#settings;
    const startedMs = performance.now();
    if (this.#client === undefined && !this.#isClosed) this.#open();
    if (this.#failure === undefined && this.#client?.isReady !== true) {
      await withinTime(this.#firstAttempt, timeoutMs, () => undefined);
    }
    const client = this.#admit();
    this.#pending += 1;
    const restMs = timeoutMs - (performance.now() - startedMs);
    try {
      const found = await withinTime(evaluate(client, script, { keys, arguments: values }), restMs, () => {
        throw new RedisUnavailableError(`no answer within ${timeoutMs} ms`);
      });
      this.#answered();
      return found;
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#pending -= 1;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.destroy();
  }

  /** @throws RedisUnavailableError where asking makes no sense now. */
  #admit(): Client {
    const client = this.#client;
    if (this.#isClosed) throw new RedisUnavailableError('the connection is closed');
    if (this.#pending >= commandsMax) throw new RedisUnavailableError(`${commandsMax} commands wait for an answer`);
    if (client?.isReady !== true) {
      if (this.#failure === undefined) this.#fail(`no connection within ${this.#settings.timeoutMs} ms`);
      throw new RedisUnavailableError(this.#failure ?? 'not connected');
    }
    if (this.#failure === undefined) return client;
    const nowMs = performance.now();
    if (nowMs < this.#nextTrialMs) throw new RedisUnavailableError(this.#failure);
    this.#nextTrialMs = nowMs + trialEveryMs;
    return client;
  }

  #failed(error: unknown): RedisUnavailableError {
    const wasTrial = this.#failure !== undefined;
    const reason = error instanceof Error ? error.message : String(error);
    this.#fail(reason);
    // A connection that gives no answer to a second command either may lead nowhere: its peer's host may be gone.
    if (wasTrial && error instanceof RedisUnavailableError && !this.#isClosed) this.#open();
    return error instanceof RedisUnavailableError ? error : new RedisUnavailableError(reason);
  }

  #fail(reason: string): void {
    if (this.#isClosed) return;
    if (this.#failure === undefined) this.#nextTrialMs = performance.now() + trialEveryMs;
    this.#failure = reason;
    this.#warn('redis_failed', 'Redis cannot be asked', { redis: nameOf(this.#settings), error: reason });
  }

  #answered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#log.info('redis_restored', 'Redis answers again', { redis: nameOf(this.#settings) });
  }

  #open(): void {
    this.#client?.destroy();
    const client = open(this.#settings);
    this.#client = client;
    this.#firstAttempt = this.#connect(client);
  }

  /** Starts connecting, which goes on until it succeeds. Resolves when the first attempt has ended. */
  #connect(client: Client): Promise<void> {
    return new Promise((resolve) => {
      client.on('error', (error: Error) => {
        if (client === this.#client) this.#fail(error.message);
        resolve();
      });
      client.on('ready', () => {
        if (client === this.#client) this.#answered();
        resolve();
      });
      client.connect().catch((error: unknown) => {
        if (client === this.#client) this.#fail(error instanceof Error ? error.message : String(error));
        resolve();
      });
    });
  }
}

function open({ host, port, timeoutMs, username, password, database, tls }: RedisSettings) {
  const reconnectStrategy = (attempt: number): number => backoffMs(attempt, reconnect, Math.random());
  const common = { host, port, connectTimeout: timeoutMs, reconnectStrategy };
  // An address is no server name (RFC 6066 section 3).
  const servername = tls?.serverName ?? (isIP(host) === 0 ? host : undefined);
  return createClient({
    database,
    disableOfflineQueue: true,
    ...(username === null ? {} : { username }),
    ...(password === null || password === '' ? {} : { password }),
    socket:
      tls === null
        ? common
        : {
            ...common,
            tls: true,
            rejectUnauthorized: tls.verifies,
            ...(servername === undefined ? {} : { servername }),
          },
  });
}

interface ScriptCall {
  readonly keys: string[];
  readonly arguments: string[];
}

/** Runs a script by its name. A server that does not know it gets its text. */
async function evaluate(client: Client, { source, sha }: RedisScript, call: ScriptCall): Promise<unknown> {
  try {
    return await client.evalSha(sha, call);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return client.eval(source, call);
  }
}

/** Names the server in logs; without a credential. */
function nameOf({ host, port }: RedisSettings): string {
  return `${host}:${port}`;
}
