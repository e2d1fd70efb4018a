import {
  fits,
  kindOf,
  kinds,
  nameOfKind,
  transcoderOf,
  type AvroNode,
  type ExplainContext,
  type RecordNode,
  type Transcode,
} from './avro-node.ts';
import { words } from './avro-scalars.ts';
import type { AvroWriter } from './avro-writer.ts';
import { NumberText } from './exact-json.ts';
import { Faults, pointerTo, type PayloadEncoding } from './format.ts';
import { codes } from './json-cursor.ts';
import { isObject } from './json-value.ts';

/** Records tried in ambiguous unions for one value: nested ones would otherwise cost exponential time. */
export const attemptsMax = 10_000;

interface Branch {
  readonly index: number;
  readonly node: AvroNode;
}

interface RecordBranch extends Branch {
  readonly record: RecordNode;
}

/**
 * A union. Plain JSON takes the branch that fits: null first, among numbers and strings by rank, among records the one
 * whose fields fit. Tagged JSON names it: `{"long": 5}`.
 */
export function unionNode(nodes: readonly AvroNode[], payloadEncoding: PayloadEncoding): AvroNode {
  const branches: Branch[] = nodes.map((node, index) => ({ index, node: exactFloat(node, nodes) }));
  const nullIndex = nodes.findIndex((node) => node.name === 'null');
  const tags = new Map(branches.filter(({ node }) => node.name !== 'null').map((branch) => [branch.node.name, branch]));
  const byKind = (kind: number): Branch[] =>
    branches.filter(({ node }) => (node.accepts & kind) !== 0).sort((a, b) => a.node.rank - b.node.rank);
  const candidates = new Map(Object.values(kinds).map((kind) => [kind as number, byKind(kind)]));
  const records: RecordBranch[] = [];
  for (const branch of branches) if (branch.node.record) records.push({ ...branch, record: branch.node.record });
  const takesPlain = payloadEncoding !== 'avro_json';
  const takesTagged = payloadEncoding !== 'simple_json';
  const others = branches.filter(({ node }) => node.name !== 'null');
  /** The common `["null", T]`. */
  const only = takesPlain && others.length === 1 ? others[0] : undefined;

  function writePlain(value: unknown, out: AvroWriter): boolean {
    const list = candidates.get(kindOf(value)) ?? [];
    if (records.length > 1 && isObject(value)) {
      const found = findRecord(records, value, out);
      if (found.length === 1 && found[0] !== undefined) return writeBranch(found[0], value, out);
      if (found.length > 1) return false;
    }
    for (const branch of list) {
      if (records.length > 1 && branch.node.record) continue;
      if (writeBranch(branch, value, out)) return true;
    }
    return false;
  }

  function findTagged(value: unknown): Branch | undefined {
    if (!takesTagged || !isObject(value)) return undefined;
    const keys = Object.keys(value);
    return keys.length === 1 ? tags.get(keys[0] ?? '') : undefined;
  }

  /** The plain form of `["null", T]`, either way round. */
  function optionalTranscoder({ index, node }: Branch): Transcode {
    const transcode = transcoderOf(node);
    return (from, out) => {
      if (from.next() === codes.n) {
        out.int(nullIndex);
        return from.takeWord(words.null);
      }
      out.int(index);
      return transcode(from, out);
    };
  }

  const node: AvroNode = {
    ...(only !== undefined && nullIndex >= 0 ? { transcode: optionalTranscoder(only) } : {}),
    name: 'union',
    accepts: nodes.reduce((all, { accepts }) => all | accepts, takesTagged ? kinds.object : 0),
    rank: 9,
    write(value, out) {
      if (value === null) {
        if (nullIndex < 0) return false;
        out.int(nullIndex);
        return true;
      }
      if (only !== undefined) {
        if (writeBranch(only, value, out)) return true;
      } else if (takesPlain && writePlain(value, out)) {
        return true;
      }
      const tagged = findTagged(value);
      return tagged !== undefined && isObject(value) && writeBranch(tagged, value[tagged.node.name], out);
    },
    explain(value, pointer, context) {
      if (fits(node, value, context.out)) return;
      const tagged = findTagged(value);
      if (tagged !== undefined && isObject(value)) {
        const tag = tagged.node.name;
        tagged.node.explain(value[tag], pointerTo(pointer, tag), context);
        return;
      }
      if (takesPlain && value !== null) explainPlain(value, pointer, context);
      else addUnionFault(value, pointer, context);
    },
  };

  function explainPlain(value: unknown, pointer: string, context: ExplainContext): void {
    if (only !== undefined) return only.node.explain(value, pointer, context);
    const list = candidates.get(kindOf(value)) ?? [];
    if (isObject(value) && records.length > 1) {
      const found = findRecord(records, value, context.out);
      if (found.length > 1) {
        const names = found.map((branch) => branch.node.name).join(' and ');
        const message = `fits more than one record of the union: ${names}`;
        context.faults.add({ pointer, rule: 'ambiguous', expected: 'one record that fits', message });
        return;
      }
    }
    if (list.length === 0) return addUnionFault(value, pointer, context);
    if (list.length > 1 && !isObject(value)) return addUnionFault(value, pointer, context);
    // What was meant is most likely the branch with the fewest faults.
    let best: Faults | undefined;
    for (const branch of list) {
      if (context.out.attemptsLeft-- <= 0) break;
      const faults = new Faults();
      branch.node.explain(value, pointer, { ...context, faults });
      if (best === undefined || faults.list.length < best.list.length) best = faults;
    }
    if (best === undefined || best.list.length === 0) addUnionFault(value, pointer, context);
    else context.faults.addAll(best);
  }

  function addUnionFault(value: unknown, pointer: string, context: ExplainContext): void {
    const expected = nodes.map(({ name }) => name).join(', ');
    const form = takesPlain ? 'one of' : 'null or an object whose only key names one of';
    const message = `must be ${form}: ${expected} (this is ${nameOfKind(value)})`;
    context.faults.add({ pointer, rule: 'union', expected, message });
  }

  return node;
}

/**
 * The records that the value fits: with several, those that it fits without taking a default.
 * None when the attempts are used up.
 */
function findRecord(
  records: readonly RecordBranch[],
  value: Readonly<Record<string, unknown>>,
  out: AvroWriter,
): readonly RecordBranch[] {
  const named = records.filter(({ record }) => record.namesFit(value));
  if (named.length <= 1) return named;
  const good = named.filter(({ node }) => out.attemptsLeft-- > 0 && fits(node, value, out));
  const complete = good.length > 1 ? good.filter(({ record }) => record.isComplete(value)) : [];
  return complete.length > 0 ? complete : good;
}

function writeBranch({ index, node }: Branch, value: unknown, out: AvroWriter): boolean {
  const { position, depth } = out;
  out.int(index);
  if (node.write(value, out)) return true;
  out.position = position;
  out.depth = depth;
  return false;
}

/** Beside a double, a float takes only the numbers that it holds exactly: it is the narrower type, not the lossy one. */
function exactFloat(node: AvroNode, nodes: readonly AvroNode[]): AvroNode {
  if (node.name !== 'float' || !nodes.some(({ name }) => name === 'double')) return node;
  return {
    ...node,
    write(value, out) {
      const number = value instanceof NumberText ? Number(value.text) : value;
      return (typeof number !== 'number' || Math.fround(number) === number) && node.write(value, out);
    },
  };
}
