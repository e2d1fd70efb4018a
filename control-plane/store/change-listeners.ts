import { type Logger, stackOf } from '../../shared/log.ts';
import type { ConfigReader, EntityChange } from './config-reader.ts';

export interface ChangeListeners {
  readonly onChange: ConfigReader['onChange'];
  /** Tells all listeners of a committed change; without `changes` everything may have changed. */
  notify(revision: number, changes: readonly EntityChange[] | undefined): void;
}

/** Returns the listeners of committed changes, at first none. */
export function changeListeners(logger: Logger): ChangeListeners {
  const listeners = new Set<Parameters<ConfigReader['onChange']>[0]>();
  return {
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    notify(revision, changes) {
      for (const listener of listeners) {
        try {
          listener(revision, changes);
        } catch (error) {
          // The write is committed and its answer must say so, whatever a listener does.
          logger.error('internal_error', 'A listener of configuration changes failed', { error: stackOf(error) });
        }
      }
    },
  };
}
