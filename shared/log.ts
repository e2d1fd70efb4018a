import { pino, type Logger as PinoLogger } from 'pino';
import pretty from 'pino-pretty';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line an event: `{time, level, event, msg, …fields}`. Callers never pass secrets; nothing here redacts for them. */
export interface Logger {
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
  /** Returns a logger that adds these fields to each line. */
  child(fields: LogFields): Logger;
  /** Tells whether lines of this level are written, so that hot paths need not build fields in vain. */
  enabled(level: LogLevel): boolean;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Where lines go; standard output by default. Tests collect them here. */
  readonly write?: (line: string) => void;
}

export function createLogger({ level, format, write }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Lines are written synchronously: the line that says why a process ends must not be lost with its buffer.
  const stream =
    write !== undefined
      ? { write }
      : format === 'pretty'
        ? pretty({ colorize: process.stdout.isTTY, sync: true, ignore: 'event', messageFormat: '[{event}] {msg}' })
        : pino.destination({ fd: 1, sync: true });
  return wrap(pino(options, stream));
}

/** Writes nothing. */
export function silentLogger(): Logger {
  return wrap(pino({ level: 'silent' }));
}

function wrap(logger: PinoLogger): Logger {
  return {
    debug: (event, message, fields) => logger.debug({ event, ...fields }, message),
    info: (event, message, fields) => logger.info({ event, ...fields }, message),
    warn: (event, message, fields) => logger.warn({ event, ...fields }, message),
    error: (event, message, fields) => logger.error({ event, ...fields }, message),
    child: (fields) => wrap(logger.child(fields)),
    enabled: (level) => logger.isLevelEnabled(level),
  };
}

/** Returns the stack of a fault of ours, for a log line. It is never part of an answer. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
