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

/** A message. Its fields are filled in after it was made, so that they may refer back to it. */
export function createMessageNode(name: string): { node: MessageNode; setFields(list: readonly MessageField[]): void } {
  let fields: readonly MessageField[] = [];
  let known = new Set<string>();
  let hasOneofs = false;

  const node: MessageNode = {
    name,
    writeFields(value, to, except) {
      const chosen = hasOneofs ? new Map<string, string>() : undefined;
      let left = 0;
      for (const key in value) if (key !== except) left++;
      for (const field of fields) {
        let given = field.jsonName;
        let item = ownValue(value, given);
        if (item !== undefined) left--;
        if (field.name !== given) {
          const other = ownValue(value, field.name);
          if (other !== undefined) {
            left--;
            if (item === undefined) [given, item] = [field.name, other];
            else to.fault('duplicate', 'one of its names', `is given twice, as ${given} and ${field.name}`, field.name);
          }
        }
        if (item === undefined || (item === null && !field.takesNull)) {
          if (field.isRequired) to.fault('required', 'a value', `is missing and required in ${name}`, given);
          continue;
        }
        if (field.oneof !== undefined) {
          const first = chosen?.get(field.oneof);
          if (first === undefined) chosen?.set(field.oneof, given);
          else to.fault('oneof', `one of ${field.oneof}`, `must not be given beside ${first}`, given);
        }
        to.path.push(given);
        field.write(item, to);
        to.path.pop();
      }
      if (left > 0) refuseUnknown(value, to, except);
    },
  };

  function refuseUnknown(value: Readonly<Record<string, unknown>>, to: ProtobufEncoding, except?: string): void {
    for (const key of Object.keys(value)) {
      if (key !== except && !known.has(key)) to.fault('undeclared', 'no such field', `is not declared in ${name}`, key);
    }
  }

  return {
    node,
    setFields(list) {
      fields = list;
      known = new Set(list.flatMap((field) => [field.name, field.jsonName]));
      hasOneofs = list.some((field) => field.oneof !== undefined);
    },
  };
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
    const { out, path, faults } = to;
    let start = 0;
    if (isPacked) {
      out.varint(tag);
      start = out.open();
    }
    for (let index = 0; index < value.length && !faults.isFull; index++) {
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
      if (to.faults.isFull) return;
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
