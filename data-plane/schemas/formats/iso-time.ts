/** Why text is not a time: not in the format, no such day or hour, or finer than the unit. */
export type TimeMisfit = 'syntax' | 'value' | 'precision';

/** Digits behind the second: 3 for milliseconds, 6 for microseconds, 9 for nanoseconds. */
export type FractionDigits = 3 | 6 | 9;

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;
const timePattern = /^(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?$/;
/** A zone; an offset may be hours alone, as PostgreSQL writes it. */
const zonePattern = /(?:Z|z|([+-])(\d{2})(?::?(\d{2}))?)$/;
const daySeconds = 86_400;

/** An ISO 8601 date as days since 1970-01-01. */
export function parseIsoDate(text: string): number | TimeMisfit {
  const match = datePattern.exec(text);
  if (match === null) return 'syntax';
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  // Date.UTC would take years below 100 as of the twentieth century.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return 'value';
  return Math.round(date.getTime() / 1000 / daySeconds);
}

/** An ISO 8601 time of day as units since midnight. */
export function parseIsoTime(text: string, digits: FractionDigits): number | TimeMisfit {
  const match = timePattern.exec(text);
  if (match === null) return 'syntax';
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return 'value';
  const fraction = (match[4] ?? '').padEnd(9, '0');
  if (/[1-9]/.test(fraction.slice(digits))) return 'precision';
  return (hours * 3600 + minutes * 60 + seconds) * 10 ** digits + Number(fraction.slice(0, digits));
}

/**
 * An ISO 8601 date and time as units since 1970-01-01T00:00:00: in UTC and with a zone in the text, or, when `local`,
 * without one.
 */
export function parseIsoTimestamp(text: string, digits: FractionDigits, local: boolean): bigint | TimeMisfit {
  const zone = zonePattern.exec(text.slice(10));
  if ((zone === null) !== local || !/^[Tt ]$/.test(text.charAt(10))) return 'syntax';
  const days = parseIsoDate(text.slice(0, 10));
  const units = parseIsoTime(text.slice(11, text.length - (zone?.[0].length ?? 0)), digits);
  if (typeof days === 'string') return days;
  if (typeof units === 'string') return units;
  const offsetMinutes = zone?.[1] === undefined ? 0 : Number(zone[2]) * 60 + Number(zone[3] ?? 0);
  if (offsetMinutes > 24 * 60 || Number(zone?.[3] ?? 0) > 59) return 'value';
  const seconds = days * daySeconds - (zone?.[1] === '-' ? -1 : 1) * offsetMinutes * 60;
  return BigInt(seconds) * 10n ** BigInt(digits) + BigInt(units);
}
