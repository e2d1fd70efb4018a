import { isUtf8 } from 'node:buffer';
import { RequestError } from '../../../../shared/errors.ts';
import type { HeaderList } from '../../../plugin-api/header-list.ts';
import { checkAttributes, checkName, EventFaults, isJsonType, type CloudEvent } from './cloud-event.ts';

const prefix = 'ce-';
/** Names that are told otherwise than by a `ce-` header. */
const reserved = new Set(['data', 'datacontenttype']);

/** Says whether a request holds an event in the binary mode. */
export function hasEventHeaders(headers: HeaderList): boolean {
  for (const [name] of headers.entries()) if (name.startsWith(prefix)) return true;
  return false;
}

/** Reads an event of which headers hold the attributes and the body the data (HTTP binding 3.1). @throws RequestError BODY_INVALID */
export function binaryEvent(headers: HeaderList, body: Buffer): CloudEvent {
  const faults = new EventFaults();
  const attributes = new Map<string, string>();
  for (const [header, value] of headers.entries()) {
    if (!header.startsWith(prefix)) continue;
    const name = header.slice(prefix.length);
    if (!checkName(name, faults)) continue;
    const text = decodedHeader(value);
    if (attributes.has(name)) faults.add(name, 'repeated', 'one header', 'is given more than once');
    else if (reserved.has(name)) faults.add(name, 'name', 'another name', 'is not told by a ce- header');
    else if (text === undefined) faults.add(name, 'format', 'UTF-8', 'must be UTF-8, percent-encoded');
    else attributes.set(name, text);
  }
  checkAttributes(attributes, faults);
  faults.throwAny();
  const contentType = headers.get('content-type') ?? null;
  const data = body.length === 0 ? null : body;
  return { attributes, contentType, data, jsonText: () => eventText(attributes, contentType, data) };
}

/** Undoes the quotes and the percent-encoding of a header's value, once; undefined where it is not UTF-8. */
function decodedHeader(value: string): string | undefined {
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  const plain = isQuoted ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;
  const decoded = plain.replaceAll(/%([0-9A-Fa-f]{2})/g, (_match, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  // Node gives each byte as one character.
  const bytes = Buffer.from(decoded, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** Writes the event in the JSON format. @throws RequestError BODY_INVALID */
function eventText(attributes: ReadonlyMap<string, string>, contentType: string | null, data: Buffer | null): string {
  const members = Array.from(attributes, ([name, value]) => `"${name}":${JSON.stringify(value)}`);
  if (contentType !== null) members.push(`"datacontenttype":${JSON.stringify(contentType)}`);
  if (data !== null) members.push(dataMember(contentType, data));
  return `{${members.join(',')}}`;
}

function dataMember(contentType: string | null, data: Buffer): string {
  if (contentType !== null && isJsonType(contentType)) return `"data":${jsonOf(data)}`;
  const isText = contentType !== null && /^\s*text\//i.test(contentType) && isUtf8(data);
  return isText ? `"data":${JSON.stringify(data.toString('utf8'))}` : `"data_base64":"${data.toString('base64')}"`;
}

function jsonOf(data: Buffer): string {
  const text = isUtf8(data) ? data.toString('utf8').replace(/^\ufeff/, '') : '';
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new RequestError('BODY_INVALID', "The event's data are not valid JSON, as their media type says.", {
      cause: error,
    });
  }
}
