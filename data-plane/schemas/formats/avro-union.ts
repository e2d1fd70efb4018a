import {
  fits,
  takeBack,
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
import { pointerTo, type PayloadEncoding } from './format.ts';
import { codes } from './json-cursor.ts';
import { isObject } from './json-value.ts';

/**
 * Bytes that may be written in vain for one value: so many, and so many more for each character of its text. Without a
 * bound, unions within unions would cost exponential time. Beyond it, only the first branch that may fit is tried.
 */
export const trialBytes = { base: 1024 * 1024, perCharacter: 16 } as const;

interface Branch {
  readonly index: number;
  readonly node: AvroNode;
}

interface RecordBranch extends Branch {
  readonly record: RecordNode;
}

/** The branches of a union, and ways to find them. */
interface Branches {
  readonly nodes: readonly AvroNode[];
  readonly nullIndex: number;
  /** Branches by the tag that names them in JSON. */
  readonly tags: ReadonlyMap<string, Branch>;
  /** Branches that accept a kind of JSON value, the narrowest first. */
  readonly candidates: ReadonlyMap<number, readonly Branch[]>;
  readonly records: readonly RecordBranch[];
  readonly takesPlain: boolean;
  readonly takesTagged: boolean;
  /** The other branch of the common `["null", T]` in plain JSON. */
  readonly only: Branch | undefined;
}

/**
 * Creates the node of a union. Plain JSON takes the branch that fits: null first, among numbers and strings by rank,
 * among records the one whose fields fit. Tagged JSON names it: `{"long": 5}`.
 */
export function unionNode(nodes: readonly AvroNode[], payloadEncoding: PayloadEncoding): AvroNode {
  const union = branchesOf(nodes, payloadEncoding);
  const { only, nullIndex, takesTagged } = union;
  const node: AvroNode = {
    ...(only !== undefined && nullIndex >= 0 ? { transcode: optionalTranscoder(only, nullIndex) } : {}),
    name: 'union',
    accepts: nodes.reduce((all, { accepts }) => all | accepts, takesTagged ? kinds.object : 0),
    rank: 9,
    write: (value, out) => writeUnion(union, value, out),
    explain(value, pointer, context) {
      if (value === null && nullIndex >= 0) return;
      // A look at the whole value at each level of nested unions would cost quadratic time.
      if (only !== undefined && findTagged(union, value) === undefined) only.node.explain(value, pointer, context);
      else if (!fits(node, value, context.out)) explainUnion(union, value, pointer, context);
    },
  };
  return node;
}

function branchesOf(nodes: readonly AvroNode[], payloadEncoding: PayloadEncoding): Branches {
  const branches: Branch[] = nodes.map((node, index) => ({ index, node: exactFloat(node, nodes) }));
  const others = branches.filter(({ node }) => node.name !== 'null');
  const byKind = (kind: number): Branch[] =>
    branches.filter(({ node }) => (node.accepts & kind) !== 0).sort((a, b) => a.node.rank - b.node.rank);
  const takesPlain = payloadEncoding !== 'avro_json';
  return {
    nodes,
    nullIndex: nodes.findIndex((node) => node.name === 'null'),
    tags: new Map(others.map((branch) => [branch.node.name, branch])),
    candidates: new Map(Object.values(kinds).map((kind) => [kind as number, byKind(kind)])),
    records: branches.flatMap((branch) => (branch.node.record ? [{ ...branch, record: branch.node.record }] : [])),
    takesPlain,
    takesTagged: payloadEncoding !== 'simple_json',
    only: takesPlain && others.length === 1 ? others[0] : undefined,
  };
}

function writeUnion(union: Branches, value: unknown, out: AvroWriter): boolean {
  if (value === null) {
    if (union.nullIndex < 0) return false;
    out.int(union.nullIndex);
    return true;
  }
  if (union.only !== undefined) {
    if (writeBranch(union.only, value, out)) return true;
  } else if (union.takesPlain && writePlain(union, value, out)) {
    return true;
  }
  const tagged = findTagged(union, value);
  return tagged !== undefined && isObject(value) && writeBranch(tagged, value[tagged.node.name], out);
}

function writePlain({ records, candidates }: Branches, value: unknown, out: AvroWriter): boolean {
  if (records.length > 1 && isObject(value)) {
    const found = findRecord(records, value, out);
    if (found.length === 1 && found[0] !== undefined) return writeBranch(found[0], value, out);
    if (found.length > 1) return false;
  }
  for (const branch of candidates.get(kindOf(value)) ?? []) {
    if (records.length > 1 && branch.node.record) continue;
    if (writeBranch(branch, value, out)) return true;
  }
  return false;
}

function findTagged({ takesTagged, tags }: Branches, value: unknown): Branch | undefined {
  if (!takesTagged || !isObject(value)) return undefined;
  const keys = Object.keys(value);
  return keys.length === 1 ? tags.get(keys[0] ?? '') : undefined;
}

/** Creates the way from text for the plain form of `["null", T]`, either way round. */
function optionalTranscoder({ index, node }: Branch, nullIndex: number): Transcode {
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

function explainUnion(union: Branches, value: unknown, pointer: string, context: ExplainContext): void {
  const tagged = findTagged(union, value);
  if (tagged !== undefined && isObject(value)) {
    const tag = tagged.node.name;
    tagged.node.explain(value[tag], pointerTo(pointer, tag), context);
    return;
  }
  if (union.takesPlain && value !== null) explainPlain(union, value, pointer, context);
  else addUnionFault(union, value, pointer, context);
}

function explainPlain(union: Branches, value: unknown, pointer: string, context: ExplainContext): void {
  const { only, candidates, records } = union;
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
  if (list.length === 0 || (list.length > 1 && !isObject(value))) return addUnionFault(union, value, pointer, context);
  const best = likeliest(list, value);
  const faultsBefore = context.faults.total;
  best?.node.explain(value, pointer, context);
  if (context.faults.total === faultsBefore) addUnionFault(union, value, pointer, context);
}

/** Returns the branch that was most likely meant: among records the one whose fields fit best by name and kind. */
function likeliest(list: readonly Branch[], value: unknown): Branch | undefined {
  let best: Branch | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const branch of list) {
    const { record } = branch.node;
    const misfits = record !== undefined && isObject(value) ? record.misfits(value) : likeOther(value);
    if (misfits < fewest) [best, fewest] = [branch, misfits];
  }
  return best;
}

/** Rates a branch that is no record, such as a map: below a record that fits, above one of which no name fits. */
function likeOther(value: unknown): number {
  return isObject(value) ? Math.max(1, Object.keys(value).length) : 0;
}

function addUnionFault(
  { nodes, takesPlain }: Branches,
  value: unknown,
  pointer: string,
  context: ExplainContext,
): void {
  const expected = nodes.map(({ name }) => name).join(', ');
  const form = takesPlain ? 'one of' : 'null or an object whose only key names one of';
  const message = `must be ${form}: ${expected} (this is ${nameOfKind(value)})`;
  context.faults.add({ pointer, rule: 'union', expected, message });
}

/**
 * Returns the records that the value fits; with several, those that it fits without taking a default. There are none
 * when no trial is left.
 */
function findRecord(
  records: readonly RecordBranch[],
  value: Readonly<Record<string, unknown>>,
  out: AvroWriter,
): readonly RecordBranch[] {
  const named = records.filter(({ record }) => record.namesFit(value));
  if (named.length <= 1) return named;
  const good = named.filter(({ node }) => out.trialBytesLeft > 0 && fits(node, value, out));
  const complete = good.length > 1 ? good.filter(({ record }) => record.isComplete(value)) : [];
  return complete.length > 0 ? complete : good;
}

function writeBranch({ index, node }: Branch, value: unknown, out: AvroWriter): boolean {
  const { position, depth } = out;
  if (out.trialBytesLeft <= 0) return false;
  out.int(index);
  if (node.write(value, out)) return true;
  takeBack(out, position, depth);
  return false;
}

/** Lets a float beside a double take only the numbers that it holds exactly: it is the narrower type, not the lossy one. */
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
