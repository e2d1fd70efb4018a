import { stat } from 'node:fs/promises';

export interface WatchFileOptions {
  readonly path: string;
  readonly lookMs?: number;
  /** Returns whether the change was taken; otherwise the next look calls again. */
  readonly changed: () => Promise<boolean>;
}

/**
 * Looks at the file once a second, links followed, and calls `changed` when it has become another one and two looks saw
 * the same: a file in the middle of being written is left alone. Looks see what change events of the file system miss,
 * such as the links that Kubernetes exchanges under a mounted ConfigMap. Returns the function that ends it.
 */
export function watchFile({ path, lookMs = 1_000, changed }: WatchFileOptions): () => Promise<void> {
  let taken: string | undefined;
  let seen: string | undefined;
  let isEnded = false;
  let timer: NodeJS.Timeout | undefined;
  let look = start();

  async function start(): Promise<void> {
    taken = await stampOf(path);
    plan();
  }

  async function again(): Promise<void> {
    const stamp = await stampOf(path);
    const rests = stamp === seen;
    seen = stamp;
    if (rests && stamp !== undefined && stamp !== taken && !isEnded && (await changed())) taken = stamp;
    plan();
  }

  function plan(): void {
    if (isEnded) return;
    timer = setTimeout(() => {
      look = again();
    }, lookMs);
  }

  return async () => {
    isEnded = true;
    clearTimeout(timer);
    await look;
  };
}

/** Tells one state of the file from another; undefined while there is no file. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}
