import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { prettyLine, wantsColor } from './pretty-line.ts';

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
  return wrap(pino(options, format === 'json' ? jsonStream(write) : prettyStream(write)));
}

function jsonStream(write: LogOptions['write']): DestinationStream {
  return write === undefined ? standardOutput() : { write };
}

function prettyStream(write: LogOptions['write']): DestinationStream {
  const out = jsonStream(write);
  const withColor = write === undefined && wantsColor(process.stdout.isTTY, process.env);
  return { write: (line) => out.write(prettyLine(line, withColor)) };
}

/** Lines are written synchronously: the line that says why a process ends must not be lost with its buffer. */
function standardOutput(): DestinationStream {
  const out = pino.destination({ fd: 1, sync: true });
  // A terminal that was closed takes no more lines; the node drains without them (EIO), as without a reader (EPIPE).
  out.on('error', () => undefined);
  return out;
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
