import { InvalidArgumentError } from 'commander';
import { duration, ValueError } from '../../shared/settings/setting-values.ts';

/** Reads the duration of an option, such as 30s, in ms. */
export function durationMs(value: string): number {
  try {
    return duration(value);
  } catch (error) {
    if (error instanceof ValueError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
