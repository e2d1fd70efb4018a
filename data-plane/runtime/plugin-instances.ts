import type { Holders } from '../../shared/counted-leases.ts';
import { createPacer } from '../../shared/pacer.ts';
import type { PluginEntity } from './entities.ts';
import type { ChainStep } from './runtime.ts';

/** A plugin instance, shared by the runtimes that hold it. */
export interface SharedStep {
  readonly step: ChainStep;
  readonly plugin: PluginEntity;
  /** The entities beside the plugin's own that it was made from, by their ids. */
  readonly madeFrom: ReadonlyMap<string, object>;
  /** The runtimes that use it, including one that is being built. */
  readonly holders: Holders;
}

/**
 * Plugin instances by their entity, for as long as a runtime uses them. An entity that a change leaves alone stays the
 * same object, and its instance serves the next configuration too: a change of one entity costs one instance.
 */
export class PluginInstances {
  /** The newest instance of each entity. */
  readonly #byEntity = new Map<PluginEntity, SharedStep>();

  /**
   * Returns the instance of an entity that some runtime uses already. It is undefined when none is there, or when what it
   * was made from `isOutdated`: the caller then makes one. Each instance has to be given back with `releaseAll`.
   */
  acquire(plugin: PluginEntity, isOutdated: (madeFrom: SharedStep['madeFrom']) => boolean): SharedStep | undefined {
    const shared = this.#byEntity.get(plugin);
    if (shared === undefined || isOutdated(shared.madeFrom)) return undefined;
    shared.holders.hold();
    return shared;
  }

  /** Takes a new instance, whose one holder is the runtime being built. It has to be given back with `releaseAll`. */
  add(shared: SharedStep): void {
    this.#byEntity.set(shared.plugin, shared);
  }

  /** Closes each instance with its last use, in slices. Rejects with the first failure to close, after all were released. */
  async releaseAll(held: Iterable<SharedStep>): Promise<void> {
    const pacer = createPacer();
    const failures: unknown[] = [];
    for (const shared of held) {
      if (pacer.isDue()) await pacer.pause();
      if (!shared.holders.release()) continue;
      if (this.#byEntity.get(shared.plugin) === shared) this.#byEntity.delete(shared.plugin);
      try {
        shared.step.instance.close?.();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
