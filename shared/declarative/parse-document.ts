import { loadAll, YAMLException } from 'js-yaml';
import { isRecord } from '../schema/is-record.ts';
import type { FieldFault } from '../schema/field.ts';
import { depthMax, findJsonFault } from './json-keys.ts';

/** Bound of a declarative document, whatever its form. */
export const documentBytesMax = 64 * 1024 * 1024;
/** Bound of the values that aliases of YAML add to those that are written, uses within uses included. */
const aliasedValuesMax = 1_000_000;

export interface ParseOptions {
  /** The text must be JSON. */
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
    return value === undefined ? unparsable('it is not JSON') : asDocument(value);
  } catch (error) {
    if (error instanceof DocumentSyntaxError) return unparsable(error.message);
    throw error;
  }
}

/**
 * Decodes UTF-8 and reads the document; bytes that are none, and more than `documentBytesMax`, are a fault. JSON may hold
 * the whole document as text: `{"config": "…"}`.
 */
export function parseDocumentBytes(bytes: Uint8Array, options: ParseOptions = {}): ParsedDocument {
  if (bytes.length > documentBytesMax) return unparsable(`it is larger than ${documentBytesMax} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return unparsable('it is not UTF-8');
  }
  const parsed = parseDocument(text, options);
  if (parsed.kind === 'faults' || options.json !== true) return parsed;
  const { config, ...others } = parsed.document;
  return typeof config === 'string' && Object.keys(others).length === 0 ? parseDocument(config) : parsed;
}

class DocumentSyntaxError extends Error {
  override readonly name = 'DocumentSyntaxError';
}

function unparsable(message: string): ParsedDocument {
  const text = `failed parsing declarative configuration: ${message}`;
  return { kind: 'faults', faults: [{ path: ['error'], message: text }] };
}

function asDocument(value: unknown): ParsedDocument {
  if (isRecord(value)) return { kind: 'ok', document: value };
  return unparsable('expected a record');
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
  if (fault !== undefined) throw new DocumentSyntaxError(`${linePlace(text, fault.offset)}: ${fault.message}`);
  return value;
}

function linePlace(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return place(before.split('\n').length, offset - before.lastIndexOf('\n'));
}

function place(line: number, column: number): string {
  return `line ${line}, column ${column}`;
}

/**
 * Reads one document of YAML 1.2 by its core schema: no tags but its own, no merge keys, no times. js-yaml makes values
 * without a tree in between, which takes an eighth of the time that `yaml` takes.
 */
function parseYaml(text: string): unknown {
  let documents: unknown[];
  try {
    documents = loadAll(text, { maxDepth: depthMax });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { reason, mark } = error;
    const at = mark === undefined ? '' : `${place(mark.line + 1, mark.column + 1)}: `;
    throw new DocumentSyntaxError(`${at}${yamlReason(reason, mark)}`);
  }
  const [value, ...others] = documents;
  if (others.length > 0) throw new DocumentSyntaxError('it holds several documents');
  measure(value, new Set(), new Map());
  return value ?? null;
}

/** Returns the parser's reason without quotes from the text but keys, and in our words where JSON has the same fault. */
function yamlReason(reason: string, mark: YAMLException['mark']): string {
  if (reason.startsWith('nesting exceeded')) return 'it is nested too deeply';
  if (!reason.startsWith('duplicated mapping key')) return reason.replace(/(?: ?"|: | ?!?<).*$/s, '');
  const [, key] = /^['"]?([^\s:'",{}[\]]*)/.exec(mark?.buffer.slice(mark.position) ?? '') ?? [];
  return `duplicate key '${key}'`;
}

/** The size of a value with every alias written out. */
interface Measure {
  /** Levels. */
  readonly depth: number;
  /** Values, itself included. */
  readonly values: number;
}

const scalar: Measure = { depth: 0, values: 1 };

/**
 * Measures a value and refuses one that is too large. An anchor may hold an alias of itself, which would make every walk
 * endless, and aliases of aliases may nest deeper and stand for more than the text shows.
 */
function measure(value: unknown, open: Set<object>, known: Map<object, Measure>, aliased = { values: 0 }): Measure {
  if (typeof value !== 'object' || value === null) return scalar;
  if (open.has(value)) throw new DocumentSyntaxError('an alias stands within its own anchor');
  let own = known.get(value);
  if (own === undefined) {
    open.add(value);
    let depth = 0;
    let values = 1;
    for (const inner of Object.values(value)) {
      const inside = measure(inner, open, known, aliased);
      depth = Math.max(depth, inside.depth);
      values += inside.values;
    }
    open.delete(value);
    own = { depth: depth + 1, values };
    known.set(value, own);
  } else {
    aliased.values += own.values;
    if (aliased.values > aliasedValuesMax) throw new DocumentSyntaxError('its aliases expand too far');
  }
  if (open.size + own.depth > depthMax) throw new DocumentSyntaxError('it is nested too deeply');
  return own;
}
