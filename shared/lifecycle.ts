import { stackOf, type Logger, type LogFields } from './log.ts';

/** A started node, whatever its role. */
export interface RunningNode {
  /** Real addresses (`127.0.0.1:41234`) by listener: admin, cluster, proxy, status. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Resolves when the node is fully up; absent: it is when it has started. Never resolving holds nothing up. */
  readonly ready?: Promise<void>;
  /** Drains and closes everything; bounded by the node itself. */
  stop(): Promise<void>;
}

/** The message of a failed start and the fields of its log line. */
export interface StartFault {
  readonly message: string;
  readonly fields: LogFields;
}

export interface LifecycleOptions {
  readonly start: () => Promise<RunningNode>;
  readonly logger: Logger;
  /** Names the setting, its value and the cure, where a start failed for the value of a setting. */
  readonly explain?: (error: unknown) => StartFault | undefined;
  /** The end of a parent that must not be outlived; see `parentGone`. */
  readonly parentGone?: Promise<void>;
}

/**
 * Starts the node, logs `listening` for each address and `ready`, and keeps it until a signal of `endSignals` or the end
 * of the parent; then stops it. A second signal ends the process at once. Resolves to the exit code: 0, or 1 when
 * starting or stopping failed.
 */
export async function runNode({ start, logger, explain, parentGone }: LifecycleOptions): Promise<number> {
  const signals = listenForSignals(logger);
  const end = Promise.race(parentGone === undefined ? [signals.first] : [signals.first, parentGone]);
  try {
    const node = await start();
    for (const [what, address] of Object.entries(node.addresses)) {
      logger.info('listening', `${what} listens on ${address}`, { what, address });
    }
    logWhenReady(node, logger);
    await end;
    logger.info('stopping', 'stopping in good order');
    await node.stop();
    logger.info('stopped', 'stopped');
    return 0;
  } catch (error) {
    const { message, fields } = explain?.(error) ?? unexpected(error);
    logger.error('failed', message, fields);
    return 1;
  } finally {
    signals.close();
  }
}

function unexpected(error: unknown): StartFault {
  return { message: error instanceof Error ? error.message : String(error), fields: { stack: stackOf(error) } };
}

function logWhenReady({ ready = Promise.resolve() }: RunningNode, logger: Logger): void {
  ready.then(
    () => logger.info('ready', 'the node is fully up'),
    (error: unknown) => logger.error('not_ready', error instanceof Error ? error.message : String(error)),
  );
}

interface Signals {
  readonly first: Promise<void>;
  close(): void;
}

function listenForSignals(logger: Logger): Signals {
  let resolveFirst = () => {};
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve;
  });
  const close = onTermination({
    first: resolveFirst,
    second(signal) {
      logger.warn('killed', `second signal (${signal}): ending at once`);
      process.exit(1);
    },
  });
  return { first, close };
}

/** One Ctrl-C may come twice: the terminal signals the whole group and npm passes it on. Within this time it counts once. */
const oneKeyPressMs = 500;

/** Orders to end: of supervisors, Ctrl-C, Ctrl-\\, and a terminal that closes. Each has records in flight to wait for. */
export const endSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;

/** Calls `first` at the first of the `endSignals` and `second` at a later one. Returns what takes the listeners away. */
export function onTermination(on: { first: (signal: string) => void; second: (signal: string) => void }): () => void {
  let firstAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAtMs === undefined) {
      firstAtMs = performance.now();
      on.first(signal);
    } else if (performance.now() - firstAtMs > oneKeyPressMs) on.second(signal);
  };
  for (const signal of endSignals) process.on(signal, onSignal);
  return () => {
    for (const signal of endSignals) process.off(signal, onSignal);
  };
}

/**
 * Resolves when the parent that holds this process's IPC channel is gone; undefined when there is no such channel.
 * Only processes started with one (the quickstart's) depend on their parent.
 */
export function parentGone(): Promise<void> | undefined {
  if (process.send === undefined || !process.connected) return undefined;
  return new Promise((resolve) => {
    process.once('disconnect', resolve);
  });
}
