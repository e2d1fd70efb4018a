import { pino, type Logger as PinoLogger } from 'pino';
import { createLogSink, type LogSink } from './log-sink.ts';
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
  const sink = write === undefined ? standardOutput((lines) => tellDropped(logger, lines)) : { write };
  const withColor = write === undefined && wantsColor(process.stdout.isTTY, process.env);
  const logger = wrap(pino(options, format === 'json' ? sink : prettySink(sink, withColor)));
  return logger;
}

/** A terminal that was closed or a reader that is gone takes no more lines; the node goes on without them. */
function standardOutput(onDropped: (lines: number) => void): LogSink {
  return createLogSink(process.stdout, { onDropped });
}

function tellDropped(logger: Logger, lines: number): void {
  logger.warn('log_lines_dropped', 'Nobody read the log for a while; lines were dropped', { lines });
}

function prettySink(sink: LogSink, withColor: boolean): LogSink {
  return { write: (line) => sink.write(prettyLine(line, withColor)) };
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
