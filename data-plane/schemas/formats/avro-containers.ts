import { kinds, transcoderOf, type AvroNode, type Transcode } from './avro-node.ts';
import { pointerTo } from './format.ts';
import { codes } from './json-cursor.ts';
import { isObject, ownValue } from './json-value.ts';

/** How deep records may nest: a recursive schema must not let a client exhaust the stack. */
export const depthMax = 500;

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly node: AvroNode;
  /** The encoding of the schema's default; null when it has none. */
  readonly defaultBytes: Buffer | null;
}

/** A record. Its fields are filled in after it was made, so that they may refer back to it. */
export function recordNode(name: string): { readonly node: AvroNode; setFields(fields: readonly AvroField[]): void } {
  let fields: readonly AvroField[] = [];
  let known = new Set<string>();
  let hasAliases = false;
  /** Each field's key with its quotes, its default and its way from text. */
  let steps: readonly { readonly key: Buffer; readonly defaultBytes: Buffer | null; readonly transcode: Transcode }[] =
    [];

  const node: AvroNode = {
    name,
    accepts: kinds.object,
    rank: 9,
    record: {
      namesFit(value) {
        for (const key in value) if (!known.has(key)) return false;
        return fields.every((field) => field.defaultBytes !== null || givenNames(field, value).length === 1);
      },
      isComplete: (value) => fields.every((field) => givenNames(field, value).length === 1),
    },
    write(value, out) {
      if (!isObject(value) || out.depth >= depthMax) return false;
      out.depth++;
      let given = 0;
      for (const field of fields) {
        let item = ownValue(value, field.name);
        if (item === undefined && hasAliases) {
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
    },
    /** For keys in the order of the schema, and by their names. */
    transcode(from, out) {
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
    },
    explain(value, pointer, context) {
      if (!isObject(value)) {
        context.faults.add({ pointer, rule: 'type', expected: name, message: `must be an object (record ${name})` });
        return;
      }
      if (context.out.depth >= depthMax) {
        context.faults.add({
          pointer,
          rule: 'depth',
          expected: name,
          message: `must not nest deeper than ${depthMax}`,
        });
        return;
      }
      context.out.depth++;
      for (const field of fields) {
        const names = givenNames(field, value);
        const [given] = names;
        const at = pointerTo(pointer, given ?? field.name);
        if (given === undefined) {
          if (field.defaultBytes !== null) continue;
          const message = `is missing and has no default in ${name}`;
          context.faults.add({ pointer: at, rule: 'required', expected: field.node.name, message });
        } else if (names.length > 1) {
          const message = `is given twice, as ${names.join(' and ')}`;
          context.faults.add({ pointer: at, rule: 'alias', expected: field.node.name, message });
        } else {
          field.node.explain(value[given], at, context);
        }
      }
      for (const key of Object.keys(value)) {
        if (known.has(key)) continue;
        const message = `is not declared in ${name}`;
        context.faults.add({
          pointer: pointerTo(pointer, key),
          rule: 'undeclared',
          expected: 'no such field',
          message,
        });
      }
      context.out.depth--;
    },
  };

  return {
    node,
    setFields(list) {
      fields = list;
      known = new Set(list.flatMap((field) => [field.name, ...field.aliases]));
      hasAliases = list.some((field) => field.aliases.length > 0);
      steps = list.map((field) => ({
        key: Buffer.from(`"${field.name}"`),
        defaultBytes: field.defaultBytes,
        transcode: transcoderOf(field.node),
      }));
    },
  };
}

export function arrayNode(items: AvroNode): AvroNode {
  const transcodeItem = transcoderOf(items);
  return {
    name: 'array',
    accepts: kinds.array,
    rank: 9,
    write(value, out) {
      if (!Array.isArray(value)) return false;
      if (value.length > 0) {
        out.int(value.length);
        for (const item of value) if (!items.write(item, out)) return false;
      }
      out.byte(0);
      return true;
    },
    transcode(from, out) {
      if (!from.take(codes.openBracket)) return false;
      const place = out.openBlock();
      let count = 0;
      if (!from.take(codes.closeBracket)) {
        do {
          if (!transcodeItem(from, out)) return false;
          count++;
        } while (from.take(codes.comma));
        if (!from.take(codes.closeBracket)) return false;
      }
      out.closeBlock(place, count);
      out.byte(0);
      return true;
    },
    explain(value, pointer, context) {
      if (!Array.isArray(value)) {
        context.faults.add({ pointer, rule: 'type', expected: 'array', message: 'must be an array' });
        return;
      }
      for (let index = 0; index < value.length && !context.faults.isFull; index++) {
        items.explain(value[index], pointerTo(pointer, index), context);
      }
    },
  };
}

export function mapNode(values: AvroNode): AvroNode {
  return {
    name: 'map',
    accepts: kinds.object,
    rank: 9,
    write(value, out) {
      if (!isObject(value)) return false;
      const keys = Object.keys(value);
      if (keys.length > 0) {
        out.int(keys.length);
        for (const key of keys) if (!out.string(key) || !values.write(value[key], out)) return false;
      }
      out.byte(0);
      return true;
    },
    explain(value, pointer, context) {
      if (!isObject(value)) {
        context.faults.add({ pointer, rule: 'type', expected: 'map', message: 'must be an object (map)' });
        return;
      }
      for (const key of Object.keys(value)) {
        if (context.faults.isFull) return;
        const at = pointerTo(pointer, key);
        if (/\p{Surrogate}/u.test(key)) {
          const message = 'the key must not hold a lone surrogate, which UTF-8 cannot carry';
          context.faults.add({ pointer: at, rule: 'format', expected: 'string', message });
        }
        values.explain(value[key], at, context);
      }
    },
  };
}

function givenNames(field: AvroField, value: Readonly<Record<string, unknown>>): string[] {
  return [field.name, ...field.aliases].filter((name) => Object.hasOwn(value, name));
}
