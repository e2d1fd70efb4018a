import type { PluginEntity } from './entities.ts';
import type { ChainStep } from './runtime.ts';

interface Shared {
  readonly step: ChainStep;
  /** Runtimes that use it, the one being built included. */
  uses: number;
}

/**
 * Plugin instances by their entity, for as long as a runtime uses them. An entity that a change leaves alone stays the
 * same object, and its instance serves the next configuration too: a change of one entity costs one instance.
 */
export class PluginInstances {
  readonly #byEntity = new Map<PluginEntity, Shared>();

  /** The step of an entity that some runtime uses already; undefined: it has to be made. Needs its `release`. */
  acquire(entity: PluginEntity): ChainStep | undefined {
    const shared = this.#byEntity.get(entity);
    if (shared !== undefined) shared.uses += 1;
    return shared?.step;
  }

  /** Takes a step that was made. Needs its `release`. */
  add(entity: PluginEntity, step: ChainStep): void {
    this.#byEntity.set(entity, { step, uses: 1 });
  }

  /** Closes each instance with its last use. @throws the first failure to close, after all were released. */
  releaseAll(entities: Iterable<PluginEntity>): void {
    const failures: unknown[] = [];
    for (const entity of entities) {
      const shared = this.#byEntity.get(entity);
      if (shared === undefined) continue;
      shared.uses -= 1;
      if (shared.uses > 0) continue;
      this.#byEntity.delete(entity);
      try {
        shared.step.instance.close?.();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
