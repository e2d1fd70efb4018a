import { isUtf8 } from 'node:buffer';
import { Faults, pointerTo } from './format.ts';
import { depthMax, wireTypes, type WireType } from './protobuf-node.ts';
import { isDelimited, isOpenEnum, isRequired, type ProtoField, type ProtoMessage } from './proto-file.ts';

/** Strings up to this length are looked through here, which costs less than the call into native code. */
const shortTextMax = 48;
/** Fields with numbers below it are found by index. */
const indexedMax = 256;

const scalarWireTypes: Readonly<Record<string, WireType>> = {
  double: wireTypes.fixed64,
  fixed64: wireTypes.fixed64,
  sfixed64: wireTypes.fixed64,
  float: wireTypes.fixed32,
  fixed32: wireTypes.fixed32,
  sfixed32: wireTypes.fixed32,
  string: wireTypes.delimited,
  bytes: wireTypes.delimited,
};

/** A field as its bytes are checked. */
interface BinaryField {
  readonly name: string;
  readonly wireType: WireType;
  /** Numbers of a list, which may come one by one or in a block, whatever the schema prefers. */
  readonly mayBePacked: boolean;
  readonly isRepeated: boolean;
  readonly isString: boolean;
  /** The numbers of a closed enum: another one leaves the field unset. */
  readonly closed: ReadonlySet<number> | null;
  /** Its place among the required fields; -1: it is none. */
  readonly required: number;
  readonly message: BinaryMessage | null;
}

interface BinaryMessageParts {
  readonly name: string;
  readonly fields: readonly ProtoField[];
  /** An entry of a map: neither of its fields is required, and a value never stands between tags. */
  readonly isEntry: boolean;
  readonly messageOf: (message: ProtoMessage) => BinaryMessage;
}

/**
 * A message as its bytes are checked. The fields are made when the first value of it comes: most messages of a large file
 * are never seen.
 */
class BinaryMessage {
  readonly name: string;
  /** Names of the required fields. */
  readonly required: readonly string[];
  readonly #parts: BinaryMessageParts;
  #indexed: (BinaryField | undefined)[] | undefined = undefined;
  readonly #others = new Map<number, BinaryField>();

  constructor(parts: BinaryMessageParts) {
    const { name, fields, isEntry } = parts;
    this.name = name;
    this.#parts = parts;
    this.required = isEntry ? [] : fields.filter(isRequired).map((field) => field.name);
  }

  field(number: number): BinaryField | undefined {
    const indexed = (this.#indexed ??= this.#build());
    return number < indexedMax ? indexed[number] : this.#others.get(number);
  }

  #build(): (BinaryField | undefined)[] {
    const indexed: (BinaryField | undefined)[] = [];
    const places = new Map(this.required.map((name, index) => [name, index]));
    for (const field of this.#parts.fields) {
      const made = this.#make(field, places.get(field.name) ?? -1);
      if (field.number < indexedMax) indexed[field.number] = made;
      else this.#others.set(field.number, made);
    }
    return indexed;
  }

  #make(field: ProtoField, required: number): BinaryField {
    const { name, type, keyType, label } = field;
    const message = keyType !== null ? this.#entry(field, keyType) : this.#message(field);
    const wireType = this.#wireType(field, message !== null);
    return {
      name,
      wireType,
      mayBePacked: label === 'repeated' && message === null && wireType !== wireTypes.delimited,
      isRepeated: label === 'repeated' || keyType !== null,
      isString: message === null && type === null && field.typeName === 'string',
      closed: type?.kind === 'enum' && !isOpenEnum(type) ? new Set(type.values.values()) : null,
      required,
      message,
    };
  }

  #message({ type }: ProtoField): BinaryMessage | null {
    return type?.kind === 'message' ? this.#parts.messageOf(type) : null;
  }

  #wireType(field: ProtoField, isMessage: boolean): WireType {
    if (!isMessage)
      return field.type === null ? (scalarWireTypes[field.typeName] ?? wireTypes.varint) : wireTypes.varint;
    return !this.#parts.isEntry && isDelimited(field) ? wireTypes.groupStart : wireTypes.delimited;
  }

  /** An entry of a map is a message of key and value. */
  #entry(field: ProtoField, keyType: string): BinaryMessage {
    const plain = { ...field, keyType: null, label: null, oneof: null, isGroup: false };
    const key: ProtoField = { ...plain, name: 'key', number: 1, typeName: keyType, type: null };
    const value: ProtoField = { ...plain, name: 'value', number: 2 };
    const { messageOf } = this.#parts;
    return new BinaryMessage({ name: `${this.name}.${field.name}`, fields: [key, value], isEntry: true, messageOf });
  }
}

/** Checks a message in Protobuf's wire format and returns what does not fit. */
export type CheckBinary = (bytes: Buffer) => Faults;

/**
 * Compiles the check of values that come in Protobuf's wire format: tags, lengths and wire types, UTF-8 in strings, and
 * required fields. Unknown fields and numbers of open enums pass, as readers let them pass.
 */
export function compileBinaryCheck(message: ProtoMessage): CheckBinary {
  const known = new Map<ProtoMessage, BinaryMessage>();
  const messageOf = (each: ProtoMessage): BinaryMessage => {
    let made = known.get(each);
    if (made === undefined) {
      made = new BinaryMessage({ name: each.fullName, fields: each.fields, isEntry: false, messageOf });
      known.set(each, made);
    }
    return made;
  };
  const root = messageOf(message);
  return (bytes) => {
    const check = new BinaryCheck(bytes);
    check.run(root);
    return check.faults;
  };
}

/** Thrown where the rest of the bytes cannot be understood; its fault is noted. */
class BrokenBytes extends Error {}

/** What was seen of the fields of one message. */
interface Seen {
  /** Items of lists so far. */
  counts: Map<BinaryField, number> | undefined;
  /** Required fields that are there; undefined where none is required. */
  readonly required: Set<number> | undefined;
}

/** One value being checked. */
class BinaryCheck {
  readonly faults = new Faults();
  readonly #bytes: Buffer;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(root: BinaryMessage): void {
    try {
      this.#message(root, this.#bytes.length, 0);
    } catch (error) {
      if (!(error instanceof BrokenBytes)) throw error;
    }
  }

  /** Checks the fields up to `end`, or up to the end tag of a group with the number `group`. */
  #message(message: BinaryMessage, end: number, group: number): void {
    const seen: Seen = { counts: undefined, required: message.required.length > 0 ? new Set() : undefined };
    while (this.#at < end) {
      const start = this.#at;
      const tag = this.#tag(end);
      const wireType = tag & 7;
      const number = tag >>> 3;
      if (wireType === wireTypes.groupEnd) {
        if (number !== group || group === 0) this.#broken(start, 'an end of a group that was not begun');
        this.#missing(message, seen);
        return;
      }
      const field = message.field(number);
      if (field === undefined) this.#skip(wireType, number, end);
      else this.#field(field, number, wireType, end, seen);
    }
    if (group !== 0) this.#broken(this.#at, 'a group without its end');
    this.#missing(message, seen);
  }

  #field(field: BinaryField, number: number, wireType: number, end: number, seen: Seen): void {
    if (wireType !== field.wireType && !(field.mayBePacked && wireType === wireTypes.delimited)) {
      this.#path.push(field.name);
      this.#fault('wire_type', `wire type ${field.wireType}`, `has wire type ${wireType}, not ${field.wireType}`);
      this.#path.pop();
      this.#skip(wireType, number, end);
      return;
    }
    let isSet = true;
    if (field.message !== null) this.#nested(field, field.message, number, end, seen);
    else if (wireType !== field.wireType) this.#packed(field, end);
    else if (field.isString) this.#string(field, end, seen);
    else if (field.closed !== null) isSet = field.closed.has(this.#int32(end));
    else this.#skip(wireType, number, end);
    if (isSet && field.required >= 0) seen.required?.add(field.required);
  }

  #nested(field: BinaryField, message: BinaryMessage, number: number, end: number, seen: Seen): void {
    if (this.#depth >= depthMax) this.#broken(this.#at, `messages that nest deeper than ${depthMax}`);
    this.#depth++;
    this.#enter(field, seen);
    if (field.wireType === wireTypes.groupStart) this.#message(message, end, number);
    else this.#message(message, this.#length(end), 0);
    this.#leave(field);
    this.#depth--;
  }

  #enter(field: BinaryField, seen: Seen): void {
    this.#path.push(field.name);
    if (field.isRepeated) this.#path.push(this.#count(field, seen));
  }

  /** Counts an item of a list and returns its index. */
  #count(field: BinaryField, seen: Seen): number {
    const counts = (seen.counts ??= new Map());
    const index = counts.get(field) ?? 0;
    counts.set(field, index + 1);
    return index;
  }

  #leave(field: BinaryField): void {
    if (field.isRepeated) this.#path.pop();
    this.#path.pop();
  }

  #string(field: BinaryField, end: number, seen: Seen): void {
    const stop = this.#length(end);
    if (!isText(this.#bytes, this.#at, stop)) {
      this.#enter(field, seen);
      this.#fault('utf8', 'UTF-8', 'must be UTF-8');
      this.#leave(field);
    } else if (field.isRepeated) this.#count(field, seen);
    this.#at = stop;
  }

  #packed({ wireType }: BinaryField, end: number): void {
    const stop = this.#length(end);
    if (wireType === wireTypes.varint) {
      while (this.#at < stop) this.#varint(stop);
      return;
    }
    const size = wireType === wireTypes.fixed64 ? 8 : 4;
    if ((stop - this.#at) % size !== 0) this.#broken(this.#at, `a list whose length is no multiple of ${size}`);
    this.#at = stop;
  }

  #missing(message: BinaryMessage, { required }: Seen): void {
    if (required === undefined || required.size === message.required.length) return;
    for (const [index, name] of message.required.entries()) {
      if (required.has(index)) continue;
      this.#path.push(name);
      this.#fault('required', 'a value', `is missing and required in ${message.name}`);
      this.#path.pop();
    }
  }

  /** Goes past a value that nobody looks at. */
  #skip(wireType: number, number: number, end: number): void {
    switch (wireType) {
      case wireTypes.varint:
        this.#varint(end);
        return;
      case wireTypes.fixed64:
        this.#advance(8, end);
        return;
      case wireTypes.delimited:
        this.#at = this.#length(end);
        return;
      case wireTypes.fixed32:
        this.#advance(4, end);
        return;
      case wireTypes.groupStart:
        this.#skipGroup(number, end);
        return;
      default:
        this.#broken(this.#at, `the wire type ${wireType}`);
    }
  }

  #skipGroup(number: number, end: number): void {
    if (this.#depth >= depthMax) this.#broken(this.#at, `messages that nest deeper than ${depthMax}`);
    this.#depth++;
    while (this.#at < end) {
      const tag = this.#tag(end);
      const inner = tag >>> 3;
      if ((tag & 7) === wireTypes.groupEnd) {
        if (inner !== number) this.#broken(this.#at, 'an end of a group that was not begun');
        this.#depth--;
        return;
      }
      this.#skip(tag & 7, inner, end);
    }
    this.#broken(this.#at, 'a group without its end');
  }

  #advance(size: number, end: number): void {
    if (this.#at + size > end) this.#broken(this.#at, 'a value that ends too early');
    this.#at += size;
  }

  /** Reads a length and returns the position behind what it counts. */
  #length(end: number): number {
    const start = this.#at;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= end) this.#broken(start, 'a value that ends too early');
      const byte = this.#bytes[this.#at++] ?? 0;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
      if (shift >= 28) this.#broken(start, 'a length that is no 32-bit number');
    }
    if (this.#at + length > end) this.#broken(start, 'a length beyond the end of its message');
    return this.#at + length;
  }

  /** Reads a tag: a number of 32 bits whose field number is not 0. */
  #tag(end: number): number {
    const start = this.#at;
    let tag = 0;
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= end) this.#broken(start, 'a tag that ends too early');
      const byte = this.#bytes[this.#at++] ?? 0;
      tag += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
      if (shift >= 28) this.#broken(start, 'a tag that is no 32-bit number');
    }
    if (tag > 0xffff_ffff || tag < 8) this.#broken(start, 'a tag that names no field');
    return tag >>> 0;
  }

  #varint(end: number): void {
    const start = this.#at;
    for (let count = 1; ; count++) {
      if (this.#at >= end) this.#broken(start, 'a number that ends too early');
      const byte = this.#bytes[this.#at++] ?? 0;
      if (count === 10 && byte > 1) this.#broken(start, 'a number of more than 64 bits');
      if (byte < 128) return;
    }
  }

  /** Reads a varint and returns its lower 32 bits, signed. */
  #int32(end: number): number {
    let at = this.#at;
    this.#varint(end);
    let value = 0;
    for (let shift = 0; shift < 32 && at < this.#at; shift += 7, at++) {
      value |= ((this.#bytes[at] ?? 0) & 127) << shift;
    }
    return value;
  }

  #broken(at: number, what: string): never {
    this.#fault('encoding', 'a Protobuf message', `is no Protobuf message: ${what} (byte ${at})`);
    throw new BrokenBytes();
  }

  #fault(rule: string, expected: string, message: string): void {
    let pointer = '';
    for (const segment of this.#path) pointer = pointerTo(pointer, segment);
    this.faults.add({ pointer, rule, expected, message });
  }
}

function isText(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  if (end - start <= shortTextMax) {
    while (at < end && (bytes[at] ?? 0) < 128) at++;
    if (at === end) return true;
  }
  return isUtf8(bytes.subarray(at, end));
}
