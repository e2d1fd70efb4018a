import { RequestError } from '../../../shared/errors.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';
import { formJson, utf8Text } from './envelope.ts';
import { valueTextAt } from './json-text.ts';
import { bodyKind } from './media-type.ts';
import { parseMultipart } from './multipart.ts';

/** The JSON of a request's body, read once for all parts that are taken from it. */
export interface BodyJson {
  readonly text: string;
  readonly value: unknown;
}

/** A part of the body that is there: its value, and its text as it was written. */
export interface BodyPart {
  readonly value: unknown;
  readonly text: () => string;
}

/** Finds a part of the body; undefined when it is absent. */
export type PartOf = (json: BodyJson | null) => BodyPart | undefined;

/**
 * Reads the body as JSON. A form and a multipart body count as the object of their fields. Null for an empty body. The
 * body's content encoding is undone before. @throws (rejects) RequestError BODY_INVALID
 */
export function readBodyJson(headers: HeaderList, body: Buffer): BodyJson | null | Promise<BodyJson> {
  if (body.length === 0) return null;
  const contentType = headers.get('content-type');
  const kind = bodyKind(contentType);
  if (kind === 'multipart') return parseMultipart(contentType ?? '', body).then((args) => parsedJson(args.json()));
  const text = utf8Text(body);
  return parsedJson(kind === 'form' ? formJson(text) : text);
}

/** Reads JSON text that a scanner has checked: an element of a body. */
export function elementJson(bytes: Buffer): BodyJson {
  return parsedJson(bytes.toString('utf8'));
}

/** Reads JSON text. @throws RequestError BODY_INVALID */
export function parsedJson(text: string): BodyJson {
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    const message = 'The body, which holds a part of the record, is not valid JSON.';
    throw new RequestError('BODY_INVALID', message, { cause: error });
  }
}

/** Returns the names and indexes that a JSON Pointer leads through (RFC 6901). */
export function pointerTokens(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Compiles a JSON Pointer. */
export function compilePointer(pointer: string): PartOf {
  const tokens = pointerTokens(pointer);
  return (json) => {
    if (json === null) return undefined;
    let { value } = json;
    for (const token of tokens) value = child(value, token);
    if (value === undefined) return undefined;
    return { value, text: () => valueTextAt(json.text, tokens) ?? '' };
  };
}

/** Returns the text of a string, or of a number as it was written; undefined for other values. */
export function scalarText({ value, text }: BodyPart): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? text() : undefined;
}

function child(value: unknown, token: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) {
    const element: unknown = /^(0|[1-9][0-9]{0,9})$/.test(token) ? value[Number(token)] : undefined;
    return element;
  }
  const member: unknown = Object.getOwnPropertyDescriptor(value, token)?.value;
  return member;
}

/** Names the kind of a value for an error. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
