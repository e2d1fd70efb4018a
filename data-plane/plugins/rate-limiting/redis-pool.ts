import type { Logger } from '../../../shared/log.ts';
import type { NodeStateParts } from '../../plugin-api/node-state.ts';
import { RedisConnection, type RedisSettings } from './redis-connection.ts';

export interface RedisLease {
  readonly connection: RedisConnection;
  /** Call once. The connection ends with its last lease. */
  release(): void;
}

/** The connections of a node: plugins with the same settings share one. */
export class RedisPool {
  readonly #log: Logger;
  readonly #shared = new Map<string, { readonly connection: RedisConnection; leases: number }>();

  constructor({ log }: NodeStateParts) {
    this.#log = log;
  }

  acquire(settings: RedisSettings): RedisLease {
    const key = JSON.stringify(settings);
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { connection: new RedisConnection(settings, this.#log), leases: 0 };
      this.#shared.set(key, shared);
    }
    const held = shared;
    held.leases += 1;
    return {
      connection: held.connection,
      release: () => {
        held.leases -= 1;
        if (held.leases > 0) return;
        this.#shared.delete(key);
        held.connection.close();
      },
    };
  }
}

export function redisPool(parts: NodeStateParts): RedisPool {
  return new RedisPool(parts);
}
