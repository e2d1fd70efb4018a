import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

export interface ReplayBounds {
  readonly windowMs: number;
  readonly idsMax: number;
}

/** The ids of one plugin's webhooks whose records are written. */
export interface SeenIds {
  has(id: string): boolean;
  add(id: string): void;
  /** Call once; with the last holder the ids are forgotten. */
  release(): void;
}

interface Held {
  ids: LRUCache<string, number>;
  idsMax: number;
  holders: number;
}

/** The remembered ids of a node, by plugin. They stay when a plugin's configuration changes. */
export class Replays {
  readonly #held = new Map<string, Held>();

  acquire(pluginId: string, { windowMs, idsMax }: ReplayBounds): SeenIds {
    const held = this.#hold(pluginId, idsMax);
    return {
      has: (id) => performance.now() < (held.ids.get(keyOf(id)) ?? 0),
      add: (id) => void held.ids.set(keyOf(id), performance.now() + windowMs),
      release: () => {
        held.holders -= 1;
        if (held.holders === 0) this.#held.delete(pluginId);
      },
    };
  }

  #hold(pluginId: string, idsMax: number): Held {
    let held = this.#held.get(pluginId);
    if (held === undefined) {
      held = { ids: new LRUCache({ max: idsMax }), idsMax, holders: 0 };
      this.#held.set(pluginId, held);
    } else if (held.idsMax !== idsMax) {
      const kept = new LRUCache<string, number>({ max: idsMax });
      for (const [key, untilMs] of [...held.ids.entries()].toReversed()) kept.set(key, untilMs);
      held.ids = kept;
      held.idsMax = idsMax;
    }
    held.holders += 1;
    return held;
  }
}

/** Ids come from outside and have any length. */
function keyOf(id: string): string {
  return hash('sha256', id, 'base64url');
}

export function nodeReplays(): Replays {
  return new Replays();
}
