import { isUtf8 } from 'node:buffer';
import { RequestError } from '../../../../shared/errors.ts';
import { pointerTokens } from '../body-json.ts';
import { JsonFault, JsonScanner } from './json-scanner.ts';

/** One element of a body: its JSON text without surrounding blanks. */
export interface Element {
  readonly kind: 'element';
  /** From 0: the position in the array, or the line, blank ones included. */
  readonly index: number;
  readonly bytes: Buffer;
}

/** A place of the body that is no JSON. */
export interface BrokenElement {
  readonly kind: 'broken';
  /** Null: the fault lies outside of the elements. */
  readonly index: number | null;
  /** The reason with its place, for the client. */
  readonly message: string;
}

/** `paused`: nothing was found yet, and other work may have its turn. */
export type ElementStep = Element | BrokenElement | { readonly kind: 'paused' };
export type Elements = Generator<ElementStep, void, undefined>;

/** Bytes that are scanned between two elements, or within one, before other work may have its turn. */
const scanBytesMax = 256 * 1024;
/** Blank lines that are skipped before other work may have its turn. */
const blankLinesMax = 1_000;

const paused = { kind: 'paused' } as const;
const lineFeed = 0x0a;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Finds the lines of a body, each of which is JSON. Blank lines are skipped and count. A line that is no JSON does not end
 * the search: the client is told of all. @throws RequestError BODY_INVALID when the bytes are not UTF-8
 */
export function* lineElements(body: Buffer): Elements {
  refuseOtherText(body);
  const scanner = new JsonScanner(body);
  let blank = 0;
  for (let start = markBytes(body), index = 0; start < body.length; index++) {
    const found = body.indexOf(lineFeed, start);
    const end = found < 0 ? body.length : found;
    scanner.moveTo(start, end);
    start = end + 1;
    if (scanner.skipSpace() < 0) {
      if (++blank % blankLinesMax === 0) yield paused;
      continue;
    }
    const first = scanner.at;
    const fault = yield* scanned(scanner);
    const last = scanner.at;
    if (fault === undefined && scanner.skipSpace() < 0) {
      yield { kind: 'element', index, bytes: body.subarray(first, last) };
    } else {
      const message = fault?.message ?? 'expected the end of the line behind the JSON value';
      yield { kind: 'broken', index, message: `byte ${(fault?.at ?? scanner.at) - first} of the line: ${message}` };
    }
  }
}

/**
 * Finds the elements of the array at a JSON Pointer of a body. What stands around the array is checked too. The first place
 * that is no JSON ends the search. @throws RequestError BODY_INVALID when the bytes are not UTF-8
 */
export function* arrayElements(body: Buffer, pointer: string): Elements {
  refuseOtherText(body);
  const scanner = new JsonScanner(body, markBytes(body));
  const search: Search = { scanner, pointer, index: null, hasFound: false };
  try {
    yield* valueElements(search, pointerTokens(pointer));
    if (scanner.skipSpace() >= 0) throw new JsonFault('expected the end of the body', scanner.at);
    if (!search.hasFound) throw new RequestError('BODY_INVALID', `The body has no array at '${pointer}'.`);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    yield { kind: 'broken', index: search.index, message: `byte ${error.at} of the body: ${error.message}` };
  }
}

interface Search {
  readonly scanner: JsonScanner;
  readonly pointer: string;
  /** The element that is being read. */
  index: number | null;
  hasFound: boolean;
}

/** Finds the elements within the value that is next; `tokens` lead from it to the array. */
function* valueElements(search: Search, tokens: readonly string[]): Elements {
  const { scanner } = search;
  const [token, ...rest] = tokens;
  const first = scanner.skipSpace();
  if (token === undefined) {
    if (search.hasFound) {
      // Which of two arrays is meant is a guess, and elements of the first may be read by now.
      throw new RequestError('BODY_INVALID', `The body has more than one value at '${search.pointer}'.`);
    }
    search.hasFound = true;
    if (first !== openBracket) {
      const message = search.pointer === '' ? 'be an array' : `have an array at '${search.pointer}'`;
      throw new RequestError('BODY_INVALID', `The body must ${message}.`);
    }
    yield* elementsOfArray(search);
  } else if (first === openBrace) {
    yield* elementsOfMember(search, token, rest);
  } else {
    yield* skipped(scanner);
  }
}

function* elementsOfArray(search: Search): Elements {
  const { scanner } = search;
  scanner.take(openBracket);
  if (scanner.take(closeBracket)) return;
  for (let index = 0; ; index++) {
    search.index = index;
    scanner.skipSpace();
    const start = scanner.at;
    yield* skipped(scanner);
    yield { kind: 'element', index, bytes: scanner.bytes.subarray(start, scanner.at) };
    if (scanner.take(comma)) continue;
    if (!scanner.take(closeBracket)) throw new JsonFault("expected ',' or ']'", scanner.at);
    search.index = null;
    return;
  }
}

function* elementsOfMember(search: Search, token: string, rest: readonly string[]): Elements {
  const { scanner } = search;
  scanner.take(openBrace);
  if (scanner.take(closeBrace)) return;
  do {
    if (scanner.readKey() === token) yield* valueElements(search, rest);
    else yield* skipped(scanner);
  } while (scanner.take(comma));
  if (!scanner.take(closeBrace)) throw new JsonFault("expected ',' or '}'", scanner.at);
}

/** Skips the value that is next. */
function* skipped(scanner: JsonScanner): Elements {
  while (!scanner.skipValue(scanBytesMax)) yield paused;
}

/** Skips the value that is next, and returns why it is no JSON. */
function* scanned(scanner: JsonScanner): Generator<ElementStep, JsonFault | undefined, undefined> {
  try {
    yield* skipped(scanner);
    return undefined;
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
}

/** @throws RequestError BODY_INVALID: decoding the bytes anyway would change them */
function refuseOtherText(body: Buffer): void {
  if (!isUtf8(body)) throw new RequestError('BODY_INVALID', 'The body is not valid UTF-8.');
}

/** Returns the length of the byte order mark that a body may begin with, which is no part of JSON (RFC 8259, 8.1). */
function markBytes(body: Buffer): number {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
}
