import { Faults, pointerTo } from './format.ts';
import { isObject } from './json-value.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** The readers of C++, Java and Python refuse messages that nest deeper below the outermost one. */
export const depthMax = 100;

export const wireTypes = { varint: 0, fixed64: 1, delimited: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;
export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

/** The state of one encoding: what is written, where in the value we are, and what is wrong with it. */
export class ProtobufEncoding {
  readonly out = new ProtobufWriter();
  /** The place of the value that is being written. */
  readonly path: (string | number)[] = [];
  faults = new Faults();
  /** A number was met that JSON.parse may have rounded where that matters. */
  sawRounded = false;
  #depth = 0;

  reset(): void {
    this.out.reset();
    this.path.length = 0;
    if (this.faults.list.length > 0) this.faults = new Faults();
    this.sawRounded = false;
    this.#depth = 0;
  }

  /** Notes that the value, or its part `below`, does not fit; what was written is void from then on. */
  fault(rule: string, expected: string, message: string, below?: string): void {
    let pointer = '';
    for (const segment of this.path) pointer = pointerTo(pointer, segment);
    if (below !== undefined) pointer = pointerTo(pointer, below);
    this.faults.add({ pointer, rule, expected, message });
  }

  /** Writes a message (or a map's entry, which is one) behind its length. */
  nested(write: () => void): void {
    this.#deeper(() => {
      const start = this.out.open();
      write();
      this.out.close(start);
    });
  }

  /** Writes a message without its length. */
  group(write: () => void): void {
    this.#deeper(write);
  }

  #deeper(write: () => void): void {
    if (this.#depth >= depthMax) {
      this.fault('depth', `at most ${depthMax} messages`, `must not nest deeper than ${depthMax} messages`);
      return;
    }
    this.#depth++;
    write();
    this.#depth--;
  }
}

/** One type of value, as it stands behind its field's tag. */
export interface ProtobufNode {
  readonly wireType: WireType;
  /** JSON's null is a value of the type, not an absent one. */
  readonly takesNull?: true;
  /** Writes the value, or adds a fault for all that does not fit. */
  write(value: unknown, to: ProtobufEncoding): void;
}

/** A message: the same in JSON and as protobuf knows it. */
export interface MessageNode {
  readonly name: string;
  /** Writes the fields of a JSON object, but for the keys named in `except`. */
  writeFields(value: Readonly<Record<string, unknown>>, to: ProtobufEncoding, except?: string): void;
}

/** A message behind its length. */
export function messageValue(message: MessageNode): ProtobufNode {
  return {
    wireType: wireTypes.delimited,
    write(value, to) {
      if (isObject(value)) to.nested(() => message.writeFields(value, to));
      else to.fault('type', message.name, `must be an object (message ${message.name})`);
    },
  };
}

/** A message between a start and an end tag (proto2's groups, `DELIMITED` in editions). */
export function groupValue(message: MessageNode, number: number): ProtobufNode {
  return {
    wireType: wireTypes.groupStart,
    write(value, to) {
      if (!isObject(value)) {
        to.fault('type', message.name, `must be an object (message ${message.name})`);
        return;
      }
      to.group(() => message.writeFields(value, to));
      to.out.varint(tagOf(number, wireTypes.groupEnd));
    },
  };
}

export function tagOf(number: number, wireType: WireType): number {
  return number * 8 + wireType;
}
