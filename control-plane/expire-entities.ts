import { type Logger, stackOf } from '../shared/log.ts';
import type { EntityStore } from './store/entity-store.ts';
import type { WriteHold } from './store/write-hold.ts';

export interface ExpiryOptions {
  readonly store: EntityStore;
  readonly hold: WriteHold;
  readonly logger: Logger;
  readonly everyMs?: number;
}

/**
 * Deletes expired entities at intervals, so that the nodes get a configuration without them; reads leave them out at once.
 * Returns the function that ends it.
 */
export function startExpiry({ store, hold, logger, everyMs = 5_000 }: ExpiryOptions): () => void {
  const timer = setInterval(() => {
    if (hold.isHeld) return;
    try {
      if (!store.hasExpired()) return;
      store.write((writes) => writes.purgeExpired());
    } catch (error) {
      logger.error('internal_error', 'Expired entities could not be deleted; the next attempt follows', {
        error: stackOf(error),
      });
    }
  }, everyMs);
  return () => clearInterval(timer);
}
