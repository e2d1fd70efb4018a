import { useSignal } from '@preact/signals';
import { useCallback, useEffect } from 'preact/hooks';
import { errorText } from './client.ts';

export interface Loaded<T> {
  /** The value that was read last; it stays while a newer one is read. */
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly reload: () => void;
}

/**
 * Reads a value when the page opens and each time that the key changes; gives up when the page closes. Another `refresh`
 * reads it again, and the value of before stays meanwhile.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>, refresh?: number): Loaded<T> {
  const value = useSignal<{ readonly key: string; readonly value: T } | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const turn = useSignal(0);
  useEffect(() => {
    const ending = new AbortController();
    load(ending.signal).then(
      (read) => {
        if (ending.signal.aborted) return;
        value.value = { key, value: read };
        error.value = undefined;
      },
      (reason: unknown) => {
        if (!ending.signal.aborted) error.value = errorText(reason);
      },
    );
    return () => ending.abort();
  }, [key, turn.value, refresh]);
  const reload = useCallback(() => {
    turn.value += 1;
  }, []);
  return { value: value.value?.key === key ? value.value.value : undefined, error: error.value, reload };
}
