import { RequestError, type ErrorDetail } from '../../../../shared/errors.ts';

/** One event of CloudEvents 1.0, as it was read. */
export interface CloudEvent {
  /** Attributes and extensions that are there, in canonical text; without `datacontenttype`. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The media type of the data; null: not told. */
  readonly contentType: string | null;
  /** Null: no data. */
  readonly data: Buffer | null;
  /** The event in the JSON format. @throws RequestError BODY_INVALID where its data are not the JSON that they say they are */
  readonly jsonText: () => string;
}

/** Characters of an attribute's name (CloudEvents 1.0, 3.1). */
const attributeName = /^[a-z0-9]+$/;
const required = ['id', 'source', 'type'] as const;
/** RFC 3339 with upper or lower case letters; a leap second is one. */
const dateTime = /^\d{4}-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-](\d{2}):(\d{2}))$/;

/** Gathers what is wrong with one event, so that its sender is told of all. */
export class EventFaults {
  readonly #details: ErrorDetail[] = [];

  add(name: string, rule: string, expected: string, message: string): void {
    this.#details.push({ pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, rule, expected, message });
  }

  /** @throws RequestError BODY_INVALID with all faults */
  throwAny(): void {
    if (this.#details.length === 0) return;
    throw new RequestError('BODY_INVALID', 'The event is not valid CloudEvents 1.0.', { details: this.#details });
  }
}

/** Checks a name. @returns whether the attribute may be used */
export function checkName(name: string, faults: EventFaults): boolean {
  if (attributeName.test(name)) return true;
  faults.add(name, 'name', 'a-z and 0-9', 'must consist of lower-case letters and digits');
  return false;
}

/** Checks the attributes of an event against the specification. */
export function checkAttributes(attributes: ReadonlyMap<string, string>, faults: EventFaults): void {
  const version = attributes.get('specversion');
  if (version !== '1.0') {
    faults.add('specversion', 'const', '1.0', version === undefined ? 'is missing' : 'must be 1.0');
  }
  for (const name of required) {
    const value = attributes.get(name);
    if (value === undefined) faults.add(name, 'required', 'a text', 'is missing');
    else if (value === '') faults.add(name, 'length', 'a text', 'must not be empty');
  }
  const time = attributes.get('time');
  if (time !== undefined && !isDateTime(time)) {
    faults.add('time', 'format', 'a timestamp of RFC 3339', 'must be a timestamp of RFC 3339');
  }
}

/** Says whether data of a media type stand as JSON in the JSON format. */
export function isJsonType(contentType: string): boolean {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^[^/\s]+\/(json|[^/\s]+\+json)$/.test(type);
}

function isDateTime(text: string): boolean {
  const match = dateTime.exec(text);
  if (match === null) return false;
  const [, , , hour, minute, second, , , offsetHour = '0', offsetMinute = '0'] = match.map((part) => part ?? '0');
  const date = text.slice(0, 10);
  const parsed = new Date(`${date}T00:00:00Z`);
  // A day that its month does not have becomes another one.
  const isDay = !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
  return (
    isDay &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 61 &&
    Number(offsetHour) < 24 &&
    Number(offsetMinute) < 60
  );
}
