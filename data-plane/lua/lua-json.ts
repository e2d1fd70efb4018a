import type { LuaApi } from './lua-api.ts';

/** Nesting of JSON on its way into Lua or out of it; this also ends a table that holds itself. */
const depthMax = 1_000;
/** Characters of JSON that one table may become: a table that is shared many times makes far more text than it takes memory. */
const jsonLengthMax = 16 * 1024 * 1024;
/** Holes that a list may have for each element, beyond `holesFree`, as in lua-cjson. */
const holesPerElement = 1;
const holesFree = 10;

const integer64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** A value that JSON or Lua cannot hold. The message is for the author of the function. */
export class LuaJsonError extends Error {}

/**
 * Pushes the value of JSON text. Integers of 64 bits stay exact, other numbers become doubles; lists get the metatable
 * kept as `arrayMark`, so that an empty one stays a list; null is a value of its own.
 * @throws LuaJsonError
 */
export function pushJson(lua: LuaApi, text: string, arrayMark: number): void {
  try {
    // This checks the whole text, so that the walk below need not.
    JSON.parse(text);
  } catch (error) {
    throw new LuaJsonError(error instanceof Error ? `invalid JSON: ${error.message}` : 'invalid JSON');
  }
  new JsonPusher(lua, text, arrayMark).value(0);
}

/** Returns where the next backslash stands, or the end of the text. */
function nextEscape(text: string, from: number): number {
  const at = text.indexOf('\\', from);
  return at === -1 ? text.length : at;
}

const blank = /[ \t\r\n]*/y;
const numberText = /-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;

/** Walks valid JSON text: JSON.parse's own result has lost the digits of long integers. */
class JsonPusher {
  readonly #lua: LuaApi;
  readonly #text: string;
  readonly #arrayMark: number;
  #at = 0;
  /** The first backslash that is not behind this place; looked for once, because most texts have none. */
  #escapeAt: number;

  constructor(lua: LuaApi, text: string, arrayMark: number) {
    this.#lua = lua;
    this.#text = text;
    this.#escapeAt = nextEscape(text, 0);
    this.#arrayMark = arrayMark;
  }

  value(depth: number): void {
    this.#skipBlank();
    switch (this.#text.charAt(this.#at)) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#lua.pushString(this.#string());
      case 't':
        return this.#word(4, () => this.#lua.pushBoolean(true));
      case 'f':
        return this.#word(5, () => this.#lua.pushBoolean(false));
      case 'n':
        return this.#word(4, () => this.#lua.pushNull());
      default:
        return this.#number();
    }
  }

  #object(depth: number): void {
    this.#open(depth);
    while (!this.#closes('}')) {
      this.#lua.pushString(this.#string());
      this.#skipBlank();
      this.#at++;
      this.value(depth + 1);
      this.#lua.rawSet(-3);
    }
  }

  #array(depth: number): void {
    this.#open(depth);
    this.#lua.pushKept(this.#arrayMark);
    this.#lua.setMetatable(-2);
    for (let index = 1; !this.#closes(']'); index++) {
      this.value(depth + 1);
      this.#lua.rawSetIndex(-2, index);
    }
  }

  #open(depth: number): void {
    if (depth >= depthMax || !this.#lua.ensureStack(4)) throw new LuaJsonError(`JSON nested deeper than ${depthMax}`);
    this.#at++;
    this.#lua.pushTable();
  }

  /** Reads past a comma, or past the end. */
  #closes(end: string): boolean {
    this.#skipBlank();
    if (this.#text[this.#at] === ',') {
      this.#at++;
      this.#skipBlank();
    }
    if (this.#text[this.#at] !== end) return false;
    this.#at++;
    return true;
  }

  #string(): string {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    const isPlain = end < this.#escapeAt;
    if (!isPlain) {
      end = this.#escapeAt;
      while (this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
      this.#escapeAt = nextEscape(this.#text, end);
    }
    this.#at = end + 1;
    if (isPlain) return this.#text.slice(start + 1, end);
    const text = String(JSON.parse(this.#text.slice(start, end + 1)));
    // Only an escape can make half of a pair: UTF-8 cannot hold one.
    if (/\p{Surrogate}/u.test(text)) throw new LuaJsonError('half of a surrogate pair is no text');
    return text;
  }

  #number(): void {
    numberText.lastIndex = this.#at;
    const [text = '0', fraction, exponent] = numberText.exec(this.#text) ?? [];
    this.#at += text.length;
    if (fraction === undefined && exponent === undefined && text !== '-0') {
      const integer = BigInt(text);
      if (integer >= integer64.min && integer <= integer64.max) return this.#lua.pushInteger(integer);
    }
    this.#lua.pushNumber(Number(text));
  }

  #word(length: number, push: () => void): void {
    this.#at += length;
    push();
  }

  #skipBlank(): void {
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#text)?.[0].length ?? 0;
  }
}

/**
 * Returns the value on top of the stack as JSON text; the value stays there. Tables whose keys are 1, 2, … and those marked as lists
 * become lists, all others objects whose members stand in the order of their names, so that equal tables give equal text.
 * @throws LuaJsonError
 */
export function readJson(lua: LuaApi, arrayMark: number): string {
  return new JsonReader(lua, arrayMark).value(0);
}

/** The keys of a table. */
interface Keys {
  readonly count: number;
  /** The largest where all are positive integers; 0 when there are others, or none. */
  readonly last: number;
}

class JsonReader {
  readonly #lua: LuaApi;
  readonly #arrayMark: number;
  #length = 0;

  constructor(lua: LuaApi, arrayMark: number) {
    this.#lua = lua;
    this.#arrayMark = arrayMark;
  }

  value(depth: number): string {
    const type = this.#lua.typeOf(-1);
    if (type === 'table') return this.#table(depth);
    const text = this.#scalar(type);
    this.#count(text.length);
    return text;
  }

  #scalar(type: string): string {
    if (type === 'string') return JSON.stringify(this.#text(-1));
    if (type === 'number') return numberJson(this.#lua.number(-1));
    if (type === 'boolean') return String(this.#lua.boolean(-1));
    if (type === 'lightuserdata' && this.#lua.isNull(-1)) return 'null';
    throw new LuaJsonError(`a ${type} has no form in JSON`);
  }

  #table(depth: number): string {
    if (depth >= depthMax || !this.#lua.ensureStack(6)) {
      throw new LuaJsonError(`tables nested deeper than ${depthMax}`);
    }
    this.#count(2);
    const isMarked = this.#lua.hasMetatable(-1, this.#arrayMark);
    const keys = this.#keys();
    if (keys.count === 0) return isMarked ? '[]' : '{}';
    if (keys.last > 0) return this.#array(keys, depth);
    if (isMarked) throw new LuaJsonError('a list holds a key that is no position');
    return this.#object(depth);
  }

  #keys(): Keys {
    let count = 0;
    let last = 0;
    let isList = true;
    this.#lua.pushNil();
    while (this.#lua.next(-2)) {
      this.#lua.pop(1);
      count++;
      const position = this.#lua.typeOf(-1) === 'number' ? this.#lua.number(-1) : 0;
      if (typeof position === 'bigint' && position > 0n) last = Math.max(last, Number(position));
      else isList = false;
    }
    return { count, last: isList ? last : 0 };
  }

  #array({ count, last }: Keys, depth: number): string {
    if (last > count * (1 + holesPerElement) + holesFree) throw new LuaJsonError('a list has too many holes');
    const elements: string[] = [];
    for (let index = 1; index <= last; index++) {
      this.#lua.rawGetIndex(-1, index);
      elements.push(this.#lua.typeOf(-1) === 'nil' ? 'null' : this.value(depth + 1));
      this.#lua.pop(1);
    }
    this.#count(last);
    return `[${elements.join(',')}]`;
  }

  #object(depth: number): string {
    const members = new Map<string, string>();
    this.#lua.pushNil();
    while (this.#lua.next(-2)) {
      const name = this.#name();
      if (members.has(name))
        throw new LuaJsonError(`a table holds the key ${JSON.stringify(name)} as text and as number`);
      this.#count(name.length + 4);
      members.set(name, this.value(depth + 1));
      this.#lua.pop(1);
    }
    const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  }

  /** Returns the key below the value on top. */
  #name(): string {
    const type = this.#lua.typeOf(-2);
    if (type === 'string') return this.#text(-2);
    if (type === 'number') return numberJson(this.#lua.number(-2));
    throw new LuaJsonError(`a ${type} cannot be the name of a member in JSON`);
  }

  #text(index: number): string {
    const text = this.#lua.text(index);
    if (text === undefined) throw new LuaJsonError('a string is not valid UTF-8');
    return text;
  }

  #count(length: number): void {
    this.#length += length;
    if (this.#length > jsonLengthMax) throw new LuaJsonError(`the JSON is longer than ${jsonLengthMax} characters`);
  }
}

/** Returns the shortest text that reads back as the same number; a whole double has no fraction, as in lua-cjson. */
function numberJson(value: number | bigint): string {
  if (typeof value === 'bigint') return String(value);
  if (!Number.isFinite(value)) throw new LuaJsonError('a number is not finite');
  return JSON.stringify(value);
}
