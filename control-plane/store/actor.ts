import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The name of the caller for whom writes are made. It travels beside the calls, not as a parameter: a new way to write
 * cannot forget it, and is recorded under the name of the request that it serves.
 */
const actors = new AsyncLocalStorage<string>();

/** The name for writes without a request: refreshing stored entities at the start, removing expired ones. */
const ourselves = 'sluice';

/** Runs the work, and all that it starts, in the name of somebody. */
export function actAs<T>(actor: string, work: () => T): T {
  return actors.run(actor, work);
}

export function currentActor(): string {
  return actors.getStore() ?? ourselves;
}
