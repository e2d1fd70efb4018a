import { Composer, isScalar, Lexer, LineCounter, Parser, visit, type CST, type Document, type YAMLMap } from 'yaml';
import { isRecord } from '../schema/check.ts';
import type { FieldFault } from '../schema/field.ts';
import { depthMax, findJsonFault } from './json-keys.ts';

/** Bound of a declarative document, whatever its form. */
export const documentBytesMax = 64 * 1024 * 1024;
/** Bound of what one anchor of YAML may stand for, uses within uses included. */
const aliasCountMax = 1000;
/** How many faults of the syntax are told: one often brings many others. */
const messagesMax = 20;

export interface ParseOptions {
  /** Nothing but JSON is meant. */
  readonly json?: boolean;
}

export type ParsedDocument =
  | { readonly kind: 'ok'; readonly document: Readonly<Record<string, unknown>> }
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

/**
 * Reads a declarative document: JSON, or YAML 1.2 when it is none. Keys given twice and aliases that grow beyond all
 * bounds are refused. Faults name line and column and quote nothing of the text but keys, since it may hold secrets.
 */
export function parseDocument(text: string, { json = false }: ParseOptions = {}): ParsedDocument {
  try {
    const value = parseJson(text) ?? (json ? undefined : parseYaml(text));
    return value === undefined ? unparsable(['it is not JSON']) : asDocument(value);
  } catch (error) {
    if (error instanceof DocumentSyntaxError) return unparsable(error.messages);
    throw error;
  }
}

/**
 * Decodes UTF-8 and reads the document; bytes that are none, and more than `documentBytesMax`, are a fault. JSON may hold
 * the whole document as text: `{"config": "…"}`.
 */
export function parseDocumentBytes(bytes: Uint8Array, options: ParseOptions = {}): ParsedDocument {
  if (bytes.length > documentBytesMax) return unparsable([`it is larger than ${documentBytesMax} bytes`]);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return unparsable(['it is not UTF-8']);
  }
  const parsed = parseDocument(text, options);
  if (parsed.kind === 'faults' || options.json !== true) return parsed;
  const { config, ...others } = parsed.document;
  return typeof config === 'string' && Object.keys(others).length === 0 ? parseDocument(config) : parsed;
}

class DocumentSyntaxError extends Error {
  readonly messages: readonly string[];

  constructor(messages: readonly string[]) {
    super(messages.join('; '));
    this.name = 'DocumentSyntaxError';
    this.messages = messages;
  }
}

function unparsable(messages: readonly string[]): ParsedDocument {
  const text = `failed parsing declarative configuration: ${messages.join('; ')}`;
  return { kind: 'faults', faults: [{ path: ['error'], message: text }] };
}

function asDocument(value: unknown): ParsedDocument {
  if (isRecord(value)) return { kind: 'ok', document: value };
  return unparsable(['expected a record']);
}

/** Undefined when the text is not JSON. */
function parseJson(text: string): unknown {
  // A cheap look, so that YAML is not tried as JSON first.
  if (!/^\uFEFF?\s*[{[]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const fault = findJsonFault(text);
  if (fault !== undefined) throw new DocumentSyntaxError([`${linePlace(text, fault.offset)}: ${fault.message}`]);
  return value;
}

function linePlace(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return place(before.split('\n').length, offset - before.lastIndexOf('\n'));
}

function place(line: number, column: number): string {
  return `line ${line}, column ${column}`;
}

function parseYaml(text: string): unknown {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return place(line, col);
  };
  // Keys are compared here: the parser's own comparison takes the square of their number.
  const options = { uniqueKeys: false, stringKeys: true, prettyErrors: false, lineCounter: lines } as const;
  const [document, second] = new Composer(options).compose([...yamlTokens(text, lines)], true, text.length);
  if (document === undefined || second !== undefined) throw new DocumentSyntaxError(['it holds several documents']);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw new DocumentSyntaxError(
      faults.slice(0, messagesMax).map(({ message, pos }) => `${at(pos[0])}: ${withoutText(message)}`),
    );
  }
  const twice = findYamlDuplicates(document, at);
  if (twice.length > 0) throw new DocumentSyntaxError(twice.slice(0, messagesMax));
  try {
    const value: unknown = document.toJS({ maxAliasCount: aliasCountMax });
    refuseCycles(value, new Set(), new Map());
    return value;
  } catch (error) {
    if (error instanceof ReferenceError) {
      const isUnresolved = error.message.startsWith('Unresolved alias');
      throw new DocumentSyntaxError([isUnresolved ? error.message : 'its aliases expand too far']);
    }
    throw error;
  }
}

/**
 * Takes the text apart with the parser's own stack in view: everything after it calls itself for each level, and near the
 * end of the call stack V8 may end the process instead of throwing.
 */
function* yamlTokens(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > depthMax) {
      const { line, col } = lines.linePos(parser.offset);
      throw new DocumentSyntaxError([`${place(line, col)}: it is nested too deeply`]);
    }
  }
  yield* parser.end();
}

/**
 * An anchor may hold an alias of itself, which no walk over the value would survive, and aliases of aliases may nest
 * deeper than the text does. Returns how deep the value nests.
 */
function refuseCycles(value: unknown, open: Set<unknown>, depths: Map<unknown, number>): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (open.has(value)) throw new DocumentSyntaxError(['an alias stands within its own anchor']);
  let depth = depths.get(value);
  if (depth === undefined) {
    open.add(value);
    let inside = 0;
    for (const inner of Object.values(value)) inside = Math.max(inside, refuseCycles(inner, open, depths));
    open.delete(value);
    depth = inside + 1;
    depths.set(value, depth);
  }
  if (open.size + depth > depthMax) throw new DocumentSyntaxError(['it is nested too deeply']);
  return depth;
}

/** Some messages of the parser end with the text that it stumbled on. */
function withoutText(message: string): string {
  return message.split(': "', 1)[0] ?? message;
}

function findYamlDuplicates(document: Document.Parsed, at: (offset: number) => string): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_key, node: YAMLMap) {
      const seen = new Set<string>();
      for (const { key } of node.items) {
        const name = isScalar(key) ? String(key.value) : String(key);
        if (seen.has(name)) {
          const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
          found.push(`${at(offset)}: duplicate key '${name}'`);
        }
        seen.add(name);
      }
    },
  });
  return found;
}
