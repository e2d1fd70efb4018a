import { readFileSync } from 'node:fs';

/** Descriptors of a process that are left for everything but the connections of a port. */
const reservedDescriptors = 256;
/** A process with fewer descriptors than the reserve still serves this many connections of a port. */
const connectionsMin = 16;

/**
 * Returns the most file descriptors that the process may have open, or
 * Infinity where the system does not tell.
 */
export function descriptorsMax(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

/** Returns how many connections of a port the process can hold: as many as wanted, at most its descriptors less 256. */
export function connectionsWithin(wanted: number, descriptors: number = descriptorsMax()): number {
  return Math.min(wanted, Math.max(connectionsMin, descriptors - reservedDescriptors));
}
