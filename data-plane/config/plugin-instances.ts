import type { IdReference } from '../../shared/schema/id-references.ts';
import type { PluginEntity } from './entities.ts';
import type { ChainStep } from './runtime.ts';

interface Shared {
  readonly step: ChainStep;
  /** Runtimes that use it, the one being built included. */
  uses: number;
}

/** Stands for all that an instance was made from. */
export type InstanceKey = object;

/**
 * Plugin instances by the entities that they were made from, for as long as a runtime uses them. An entity that a change
 * leaves alone stays the same object, and the instance serves the next configuration too: a change of one entity costs
 * one instance.
 */
export class PluginInstances {
  readonly #byKey = new Map<InstanceKey, Shared>();
  readonly #combinations = new Combination();
  readonly #references = new WeakMap<PluginEntity, readonly IdReference[]>();

  /** The same key for the same objects: the plugin's entity and those of the entities that its config names. */
  keyOf(plugin: PluginEntity, named: readonly object[]): InstanceKey {
    return named.length === 0 ? plugin : this.#combinations.of([plugin, ...named]);
  }

  /** What the config of an entity names; looked for once, since there may be very many entities. */
  referencesOf(plugin: PluginEntity, find: () => readonly IdReference[]): readonly IdReference[] {
    const known = this.#references.get(plugin);
    if (known !== undefined) return known;
    const found = find();
    this.#references.set(plugin, found);
    return found;
  }

  /** The step of an instance that some runtime uses already; undefined: it has to be made. Needs its `release`. */
  acquire(key: InstanceKey): ChainStep | undefined {
    const shared = this.#byKey.get(key);
    if (shared !== undefined) shared.uses += 1;
    return shared?.step;
  }

  /** Takes a step that was made. Needs its `release`. */
  add(key: InstanceKey, step: ChainStep): void {
    this.#byKey.set(key, { step, uses: 1 });
  }

  /** Closes each instance with its last use. @throws the first failure to close, after all were released. */
  releaseAll(keys: Iterable<InstanceKey>): void {
    const failures: unknown[] = [];
    for (const key of keys) {
      const shared = this.#byKey.get(key);
      if (shared === undefined) continue;
      shared.uses -= 1;
      if (shared.uses > 0) continue;
      this.#byKey.delete(key);
      try {
        shared.step.instance.close?.();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** One object for each sequence of objects, for as long as they live. */
class Combination {
  readonly #next = new WeakMap<object, Combination>();

  of(parts: readonly object[]): Combination {
    const [first, ...others] = parts;
    if (first === undefined) return this;
    const next = this.#next.get(first) ?? new Combination();
    this.#next.set(first, next);
    return next.of(others);
  }
}
