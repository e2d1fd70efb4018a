import { kindOf, kinds, transcoderOf, type AvroNode, type ExplainContext, type Transcode } from './avro-node.ts';
import type { AvroWriter } from './avro-writer.ts';
import { pointerTo } from './format.ts';
import { codes, type JsonCursor } from './json-cursor.ts';
import { isObject, ownValue } from './json-value.ts';

/** How deep records may nest: a recursive schema must not let a client exhaust the stack. */
export const depthMax = 500;

export interface RecordField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly node: AvroNode;
  /** The encoding of the schema's default; null when it has none. */
  readonly defaultBytes: Buffer | null;
}

/** One field as the way from text meets it: its key with the quotes, its default, and the way of its value. */
interface Step {
  readonly key: Buffer;
  readonly defaultBytes: Buffer | null;
  readonly transcode: Transcode;
}

/** The fields of a record, prepared for its passes. */
interface Layout {
  readonly name: string;
  readonly fields: RecordField[];
  /** Names and aliases. */
  readonly known: Set<string>;
  hasAliases: boolean;
  readonly steps: Step[];
}

/** Creates the node of a record. Its fields are added afterwards, so that they may refer back to it. */
export function recordNode(name: string): { readonly node: AvroNode; readonly add: (field: RecordField) => void } {
  const layout: Layout = { name, fields: [], known: new Set(), hasAliases: false, steps: [] };
  const node: AvroNode = {
    name,
    accepts: kinds.object,
    rank: 9,
    record: {
      namesFit: (value) => namesFit(layout, value),
      misfits: (value) => misfits(layout, value),
      isComplete: (value) => layout.fields.every((field) => givenNames(field, value).length === 1),
    },
    write: (value, out) => isObject(value) && writeRecord(layout, value, out),
    transcode: (from, out) => transcodeRecord(layout, from, out),
    explain: (value, pointer, context) => explainRecord(layout, value, pointer, context),
  };
  return { node, add: (field) => addField(layout, field) };
}

function addField(layout: Layout, field: RecordField): void {
  const { name, aliases, node, defaultBytes } = field;
  layout.fields.push(field);
  layout.steps.push({ key: Buffer.from(JSON.stringify(name)), defaultBytes, transcode: transcoderOf(node) });
  for (const each of [name, ...aliases]) layout.known.add(each);
  if (aliases.length > 0) layout.hasAliases = true;
}

function namesFit({ fields, known }: Layout, value: Readonly<Record<string, unknown>>): boolean {
  for (const key in value) if (!known.has(key)) return false;
  return fields.every((field) => field.defaultBytes !== null || givenNames(field, value).length === 1);
}

function misfits({ fields, known }: Layout, value: Readonly<Record<string, unknown>>): number {
  let count = 0;
  for (const key in value) if (!known.has(key)) count++;
  for (const field of fields) {
    const [given] = givenNames(field, value);
    const isGood =
      given === undefined ? field.defaultBytes !== null : (field.node.accepts & kindOf(value[given])) !== 0;
    if (!isGood) count++;
  }
  return count;
}

function writeRecord(layout: Layout, value: Readonly<Record<string, unknown>>, out: AvroWriter): boolean {
  if (out.depth >= depthMax) return false;
  out.depth++;
  let given = 0;
  for (const field of layout.fields) {
    let item = ownValue(value, field.name);
    if (item === undefined && layout.hasAliases) {
      for (const alias of field.aliases) item ??= ownValue(value, alias);
    }
    if (item !== undefined) {
      given++;
      if (!field.node.write(item, out)) return false;
    } else {
      if (field.defaultBytes === null) return false;
      out.raw(field.defaultBytes);
    }
  }
  // With every given name used once, more names than fields are undeclared ones.
  for (const _ in value) given--;
  out.depth--;
  return given === 0;
}

/** Writes a record whose keys come in the order of the schema and by their names. */
function transcodeRecord({ steps }: Layout, from: JsonCursor, out: AvroWriter): boolean {
  if (out.depth >= depthMax || !from.take(codes.openBrace)) return false;
  out.depth++;
  let index = 0;
  if (!from.take(codes.closeBrace)) {
    do {
      let step = steps[index++];
      while (step !== undefined && !from.takeKey(step.key)) {
        if (step.defaultBytes === null) return false;
        out.raw(step.defaultBytes);
        step = steps[index++];
      }
      if (step === undefined || !step.transcode(from, out)) return false;
    } while (from.take(codes.comma));
    if (!from.take(codes.closeBrace)) return false;
  }
  for (; index < steps.length; index++) {
    const bytes = steps[index]?.defaultBytes;
    if (!bytes) return false;
    out.raw(bytes);
  }
  out.depth--;
  return true;
}

function explainRecord(layout: Layout, value: unknown, pointer: string, context: ExplainContext): void {
  const { name, fields, known } = layout;
  const { faults, out } = context;
  if (!isObject(value)) {
    faults.add({ pointer, rule: 'type', expected: name, message: `must be an object (record ${name})` });
    return;
  }
  if (out.depth >= depthMax) {
    faults.add({ pointer, rule: 'depth', expected: name, message: `must not nest deeper than ${depthMax}` });
    return;
  }
  out.depth++;
  for (const field of fields) explainField(field, layout, value, pointer, context);
  for (const key of Object.keys(value)) {
    if (known.has(key)) continue;
    const message = `is not declared in ${name}`;
    faults.add({ pointer: pointerTo(pointer, key), rule: 'undeclared', expected: 'no such field', message });
  }
  out.depth--;
}

function explainField(
  field: RecordField,
  { name }: Layout,
  value: Readonly<Record<string, unknown>>,
  pointer: string,
  context: ExplainContext,
): void {
  const names = givenNames(field, value);
  const [given] = names;
  const at = pointerTo(pointer, given ?? field.name);
  const expected = field.node.name;
  if (given === undefined) {
    if (field.defaultBytes !== null) return;
    context.faults.add({
      pointer: at,
      rule: 'required',
      expected,
      message: `is missing and has no default in ${name}`,
    });
  } else if (names.length > 1) {
    context.faults.add({ pointer: at, rule: 'alias', expected, message: `is given twice, as ${names.join(' and ')}` });
  } else {
    field.node.explain(value[given], at, context);
  }
}

function givenNames(field: RecordField, value: Readonly<Record<string, unknown>>): string[] {
  return [field.name, ...field.aliases].filter((name) => Object.hasOwn(value, name));
}
