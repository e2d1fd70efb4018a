import type { Writable } from 'node:stream';

/** Bytes of log lines that wait for a reader that has stalled; further lines are dropped. */
export const logBytesMax = 1024 * 1024;

export interface LogSink {
  write(line: string): void;
}

export interface LogSinkOptions {
  /** Called when the reader takes lines again, with the number of those that were dropped. */
  readonly onDropped: (lines: number) => void;
  readonly bytesMax?: number;
}

let droppedTotal = 0;

/** Returns how many log lines of this process were dropped, because nobody read them. */
export function droppedLogLines(): number {
  return droppedTotal;
}

/**
 * Returns a sink that never waits for the reader of a stream, and holds a bounded number of bytes for it. Node.js writes to
 * pipes and sockets without blocking, to files and terminals blocking. A line goes out at once where there is room, so that
 * the line that says why a process ends is not lost with a buffer.
 */
export function createLogSink(stream: Writable, { onDropped, bytesMax = logBytesMax }: LogSinkOptions): LogSink {
  let dropped = 0;
  let isClosed = false;
  // A reader that is gone must not end the process.
  stream.on('error', () => (isClosed = true));
  stream.on('drain', () => {
    const lines = dropped;
    dropped = 0;
    if (lines > 0) onDropped(lines);
  });
  return {
    write(line) {
      if (isClosed || stream.writableLength + line.length > bytesMax) {
        dropped += 1;
        droppedTotal += 1;
      } else stream.write(line);
    },
  };
}
