import { type Logger, stackOf } from '../shared/log.ts';
import type { EntityStore } from './store/entity-store.ts';

export interface ExpiryOptions {
  readonly store: EntityStore;
  readonly logger: Logger;
  readonly everyMs?: number;
}

/**
 * Deletes expired entities from time to time, so that the nodes get a configuration without them; reads leave them out
 * from the second on. Returns the function that ends it.
 */
export function startExpiry({ store, logger, everyMs = 5_000 }: ExpiryOptions): () => void {
  const timer = setInterval(() => {
    try {
      store.write((writes) => writes.purgeExpired());
    } catch (error) {
      logger.error('internal_error', 'Expired entities could not be deleted; it is tried again', {
        error: stackOf(error),
      });
    }
  }, everyMs);
  return () => clearInterval(timer);
}
