import type { AvroWriter } from './avro-writer.ts';
import { NumberText } from './exact-json.ts';
import type { JsonCursor } from './json-cursor.ts';
import type { Faults } from './format.ts';

/** Kinds of JSON values as bits, so that a node can name several. */
export const kinds = { null: 1, boolean: 2, number: 4, string: 8, array: 16, object: 32 } as const;

export function kindOf(value: unknown): number {
  if (typeof value === 'string') return kinds.string;
  if (typeof value === 'number') return kinds.number;
  if (typeof value === 'boolean') return kinds.boolean;
  if (value === null) return kinds.null;
  if (Array.isArray(value)) return kinds.array;
  return value instanceof NumberText ? kinds.number : kinds.object;
}

/** Returns the name of a value's kind for messages. */
export function nameOfKind(value: unknown): string {
  const kind = kindOf(value);
  for (const [name, bit] of Object.entries(kinds)) if (bit === kind) return name;
  return 'value';
}

/**
 * One type of a compiled Avro schema. The fast pass checks and writes at once and stops at the first fault; only then
 * does `explain` walk the value again to collect every fault.
 */
export interface AvroNode {
  /** The type's name as Avro's JSON tags it in unions: `long`, `com.example.Order`. */
  readonly name: string;
  /** The kinds of JSON values that may fit. */
  readonly accepts: number;
  /** Among the branches of a union that accept a number or a string, the lower rank is tried first. */
  readonly rank: number;
  /** Set on records only. */
  readonly record?: RecordNode;
  /** Writes the value and says true, or says false, having written anything. */
  write(value: unknown, out: AvroWriter): boolean;
  /**
   * Writes the value that is next in JSON text, without parsing it into an object. Where it says true, `write` would
   * have written the same; it may say false of any value, which is then parsed.
   */
  readonly transcode?: Transcode;
  /** Adds a fault for all that keeps `write` from saying true. */
  explain(value: unknown, pointer: string, context: ExplainContext): void;
}

export type Transcode = (from: JsonCursor, out: AvroWriter) => boolean;

/** A node's own way from text, or parsing the value's text alone. */
export function transcoderOf(node: AvroNode): Transcode {
  return (
    node.transcode ??
    ((from, out) => {
      try {
        return node.write(JSON.parse(from.readValueText()), out);
      } catch {
        // Not JSON, or nested too deeply: parsing the whole text tells.
        return false;
      }
    })
  );
}

export interface RecordNode {
  /** Tells whether the names fit: none undeclared, none required missing. */
  namesFit(value: Readonly<Record<string, unknown>>): boolean;
  /** Counts the names and kinds of values that do not fit, without a look at what is below. */
  misfits(value: Readonly<Record<string, unknown>>): number;
  /** Tells whether every declared field is given. */
  isComplete(value: Readonly<Record<string, unknown>>): boolean;
}

export interface ExplainContext {
  readonly faults: Faults;
  /** For trying out branches; whoever uses it puts `position` back. */
  readonly out: AvroWriter;
}

/** A trial costs at least this much of the writer's `trialBytesLeft`. */
const trialBytesMin = 64;

/** Takes back what was written since, and charges it as a trial. */
export function takeBack(out: AvroWriter, position: number, depth: number): void {
  out.trialBytesLeft -= trialBytesMin + out.position - position;
  out.position = position;
  out.depth = depth;
}

/** Tells whether a node takes the value; leaves nothing written. */
export function fits(node: AvroNode, value: unknown, out: AvroWriter): boolean {
  const { position, depth } = out;
  const good = node.write(value, out);
  takeBack(out, position, depth);
  return good;
}

/** Tells the same of a node without parts, whose trial costs next to nothing. */
function scalarFits(node: AvroNode, value: unknown, out: AvroWriter): boolean {
  const { position, depth } = out;
  const good = node.write(value, out);
  out.position = position;
  out.depth = depth;
  return good;
}

export interface Misfit {
  readonly rule: string;
  readonly expected: string;
  readonly message: string;
}

/** A node without parts: `diagnose` is asked only about values that `write` refused. */
export function scalarNode(options: {
  readonly name: string;
  readonly accepts: number;
  readonly rank?: number;
  readonly expected: string;
  readonly write: (value: unknown, out: AvroWriter) => boolean;
  readonly transcode?: Transcode;
  readonly diagnose?: (value: unknown) => Misfit | undefined;
}): AvroNode {
  const { name, accepts, rank = 9, expected, write, transcode, diagnose } = options;
  return {
    name,
    accepts,
    rank,
    write,
    ...(transcode === undefined ? {} : { transcode }),
    explain(value, pointer, { faults, out }) {
      if (scalarFits(this, value, out)) return;
      const misfit = diagnose?.(value);
      faults.add({ pointer, ...(misfit ?? { rule: 'type', expected, message: `must be ${expected}` }) });
    },
  };
}
