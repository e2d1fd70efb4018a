import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Who asks for the writes that are made meanwhile. Carried beside the calls, not through them: a new way to write cannot
 * forget to say who, and is recorded under the name of the request that it serves.
 */
const actors = new AsyncLocalStorage<string>();

/** What writes without a request: refreshing stored entities at the start, removing expired ones. */
const ourselves = 'sluice';

/** Runs the work, and all that it starts, in the name of somebody. */
export function actAs<T>(actor: string, work: () => T): T {
  return actors.run(actor, work);
}

export function currentActor(): string {
  return actors.getStore() ?? ourselves;
}
