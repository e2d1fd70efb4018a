import { kinds, transcoderOf, type AvroNode } from './avro-node.ts';
import { pointerTo } from './format.ts';
import { codes } from './json-cursor.ts';
import { isObject } from './json-value.ts';

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
      for (let index = 0; index < value.length; index++) {
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
