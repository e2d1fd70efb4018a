import { isObject, ownValue } from './json-value.ts';
import { tagOf, wireTypes, type MessageNode, type ProtobufEncoding, type ProtobufNode } from './protobuf-node.ts';
import { mapKeyWriter } from './protobuf-scalars.ts';

export interface MessageField {
  /** As the .proto file has it. */
  readonly name: string;
  /** lowerCamelCase, or the field's `json_name`. */
  readonly jsonName: string;
  readonly isRequired: boolean;
  /** The oneof that it belongs to. */
  readonly oneof: string | undefined;
  readonly takesNull: boolean;
  /** Writes tag and value. */
  write(value: unknown, to: ProtobufEncoding): void;
}

/** The fields of a message, in the order in which they are written, and ways to find them. */
interface Layout {
  readonly name: string;
  readonly fields: MessageField[];
  /** Indexes of fields by both of their names. */
  readonly byName: Map<string, number>;
  /** Indexes of the fields that must be given. */
  readonly required: number[];
  hasOneofs: boolean;
}

/** Fields a given name from which on the names are looked up, rather than the fields gone through. */
const fieldsANameMax = 8;

/** Creates the node of a message. Its fields are added afterwards, so that they may refer back to it. */
export function createMessageNode(name: string): { readonly node: MessageNode; add(field: MessageField): void } {
  const layout: Layout = { name, fields: [], byName: new Map(), required: [], hasOneofs: false };
  return {
    node: { name, writeFields: (value, to, except) => writeFields(layout, value, to, except) },
    add(field) {
      const index = layout.fields.push(field) - 1;
      layout.byName.set(field.jsonName, index);
      layout.byName.set(field.name, index);
      if (field.isRequired) layout.required.push(index);
      if (field.oneof !== undefined) layout.hasOneofs = true;
    },
  };
}

function writeFields(
  layout: Layout,
  value: Readonly<Record<string, unknown>>,
  to: ProtobufEncoding,
  except?: string,
): void {
  const chosen = layout.hasOneofs ? new Map<string, string>() : undefined;
  const { fields } = layout;
  let left = 0;
  for (const key in value) if (key !== except) left++;
  if (left * fieldsANameMax < fields.length) {
    for (const index of fieldsNamed(layout, value)) {
      const field = fields[index];
      if (field !== undefined) left -= writeField(field, layout.name, value, to, chosen);
    }
  } else {
    for (const field of fields) left -= writeField(field, layout.name, value, to, chosen);
  }
  if (left > 0) refuseUnknown(layout, value, to, except);
}

/** Returns the fields that the value names or must name, in the order of writing: few of a message of thousands. */
function fieldsNamed({ byName, required }: Layout, value: Readonly<Record<string, unknown>>): readonly number[] {
  const indexes = new Set(required);
  for (const key in value) {
    const index = byName.get(key);
    if (index !== undefined) indexes.add(index);
  }
  return [...indexes].sort((a, b) => a - b);
}

/** Writes a field where it is given, and returns how many of its names were. */
function writeField(
  field: MessageField,
  messageName: string,
  value: Readonly<Record<string, unknown>>,
  to: ProtobufEncoding,
  chosen: Map<string, string> | undefined,
): number {
  let given = field.jsonName;
  let item = ownValue(value, given);
  let count = item === undefined ? 0 : 1;
  if (field.name !== given) {
    const other = ownValue(value, field.name);
    if (other !== undefined) {
      count++;
      if (item === undefined) [given, item] = [field.name, other];
      else to.fault('duplicate', 'one of its names', `is given twice, as ${given} and ${field.name}`, field.name);
    }
  }
  if (item === undefined || (item === null && !field.takesNull)) {
    if (field.isRequired) to.fault('required', 'a value', `is missing and required in ${messageName}`, given);
    return count;
  }
  if (field.oneof !== undefined) {
    const first = chosen?.get(field.oneof);
    if (first === undefined) chosen?.set(field.oneof, given);
    else to.fault('oneof', `one of ${field.oneof}`, `must not be given beside ${first}`, given);
  }
  to.path.push(given);
  field.write(item, to);
  to.path.pop();
  return count;
}

function refuseUnknown(
  { name, byName }: Layout,
  value: Readonly<Record<string, unknown>>,
  to: ProtobufEncoding,
  except?: string,
): void {
  for (const key of Object.keys(value)) {
    if (key !== except && !byName.has(key)) to.fault('undeclared', 'no such field', `is not declared in ${name}`, key);
  }
}

/** Writes a single value; one without presence is left out when it is zero. */
export function singleWriter(number: number, node: ProtobufNode, hasPresence: boolean): MessageField['write'] {
  const tag = tagOf(number, node.wireType);
  return (value, to) => {
    const { out } = to;
    const before = out.position;
    out.varint(tag);
    const start = out.position;
    node.write(value, to);
    if (!hasPresence && out.isZeroSince(start)) out.position = before;
  };
}

export function repeatedWriter(number: number, node: ProtobufNode, isPacked: boolean): MessageField['write'] {
  const tag = tagOf(number, isPacked ? wireTypes.delimited : node.wireType);
  return (value, to) => {
    if (!Array.isArray(value)) return to.fault('type', 'array', 'must be an array');
    if (value.length === 0) return;
    const { out, path } = to;
    let start = 0;
    if (isPacked) {
      out.varint(tag);
      start = out.open();
    }
    for (let index = 0; index < value.length; index++) {
      if (!isPacked) out.varint(tag);
      path.push(index);
      writeItem(value[index], node, to);
      path.pop();
    }
    if (isPacked) out.close(start);
  };
}

export function mapWriter(number: number, keyType: string, node: ProtobufNode): MessageField['write'] {
  const tag = tagOf(number, wireTypes.delimited);
  const key = mapKeyWriter(keyType);
  const keyTag = tagOf(1, key.wireType);
  const valueTag = tagOf(2, node.wireType);
  return (value, to) => {
    if (!isObject(value)) return to.fault('type', 'map', 'must be an object (map)');
    const { out, path } = to;
    for (const name of Object.keys(value)) {
      path.push(name);
      out.varint(tag);
      to.nested(() => {
        out.varint(keyTag);
        key.write(name, to);
        out.varint(valueTag);
        writeItem(value[name], node, to);
      });
      path.pop();
    }
  };
}

function writeItem(item: unknown, node: ProtobufNode, to: ProtobufEncoding): void {
  if (item === null && node.takesNull !== true) to.fault('type', 'a value', 'must not be null');
  else node.write(item, to);
}
