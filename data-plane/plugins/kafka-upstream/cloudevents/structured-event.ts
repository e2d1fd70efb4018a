import { valueTextAt } from '../json-text.ts';
import type { BodyJson } from '../body-json.ts';
import { kindOf } from '../body-json.ts';
import { RequestError } from '../../../../shared/errors.ts';
import { checkAttributes, checkName, EventFaults, isJsonType, type CloudEvent } from './cloud-event.ts';

/** Attributes that must be texts; extensions may be numbers and booleans too. */
const textAttributes = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
]);

/** Reads an event in the JSON format (CloudEvents 1.0, JSON format 1.0). @throws RequestError BODY_INVALID */
export function structuredEvent(json: BodyJson | null): CloudEvent {
  const value = json?.value;
  if (json === null || typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RequestError('BODY_INVALID', `An event must be a JSON object, but the body holds ${kindOf(value)}.`);
  }
  const faults = new EventFaults();
  const attributes = new Map<string, string>();
  const members: [string, unknown][] = Object.entries(value);
  for (const [name, member] of members) {
    if (name === 'data' || name === 'data_base64' || member === null || !checkName(name, faults)) continue;
    const text = attributeText(name, member, faults);
    if (text !== undefined) attributes.set(name, text);
  }
  checkAttributes(attributes, faults);
  const declared = attributes.get('datacontenttype') ?? null;
  attributes.delete('datacontenttype');
  const data = dataOf(json, Object.fromEntries(members), declared, faults);
  faults.throwAny();
  const contentType = declared ?? (data.isJson ? 'application/json' : null);
  return { attributes, contentType, data: data.bytes, jsonText: () => json.text };
}

/** Returns the canonical text of an attribute (CloudEvents 1.0, 3.2). */
function attributeText(name: string, value: unknown, faults: EventFaults): string | undefined {
  if (typeof value === 'string') {
    if (!/\p{Surrogate}/u.test(value)) return value;
    faults.add(name, 'format', 'a text', 'holds a lone surrogate, which UTF-8 cannot carry');
    return undefined;
  }
  const isSimple = typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value));
  if (isSimple && !textAttributes.has(name)) return String(value);
  const expected = textAttributes.has(name) ? 'a text' : 'a text, an integer or a boolean';
  faults.add(name, 'type', expected, `must be ${expected}`);
  return undefined;
}

interface EventData {
  readonly bytes: Buffer | null;
  readonly isJson: boolean;
}

const noData: EventData = { bytes: null, isJson: false };

/** Returns the data: JSON as it stands in the event, a text under another media type, or bytes in base64. */
function dataOf(
  { text }: BodyJson,
  { data, data_base64: base64 }: Readonly<Record<string, unknown>>,
  contentType: string | null,
  faults: EventFaults,
): EventData {
  const hasData = data !== undefined && data !== null;
  if (base64 !== undefined && base64 !== null) {
    if (hasData) faults.add('data_base64', 'both', 'data or data_base64', 'must not be given beside data');
    const bytes = typeof base64 === 'string' ? decoded(base64) : undefined;
    if (bytes !== undefined) return { bytes, isJson: false };
    faults.add('data_base64', 'format', 'base64', 'must be a text in base64');
    return noData;
  }
  if (!hasData) return noData;
  if (typeof data === 'string' && contentType !== null && !isJsonType(contentType)) {
    if (/\p{Surrogate}/u.test(data)) faults.add('data', 'format', 'a text', 'holds a lone surrogate');
    return { bytes: Buffer.from(data), isJson: false };
  }
  return { bytes: Buffer.from(valueTextAt(text, ['data']) ?? 'null'), isJson: true };
}

function decoded(base64: string): Buffer | undefined {
  const isBase64 = base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64);
  return isBase64 ? Buffer.from(base64, 'base64') : undefined;
}
