import { isUtf8 } from 'node:buffer';
import { type LuaEngine, LuaFactory, LuaLibraries } from 'wasmoon';
import type { RawLua } from './raw-lua.ts';

/** The kinds of values, in the order of Lua's own numbers for them. */
const luaTypes = [
  'nil',
  'boolean',
  'lightuserdata',
  'number',
  'string',
  'table',
  'function',
  'userdata',
  'thread',
] as const;
export type LuaTypeName = (typeof luaTypes)[number];

/** The result of a protected call or of a compilation. */
export type LuaStatus = 'ok' | 'error' | 'memory';

const registryIndex = -1_001_000;
const errorMemory = 4;

/** The thread's one WebAssembly module; states in it share nothing but its memory. */
const factory = new LuaFactory();

/**
 * One Lua state with the libraries base, string, table and math, and a bound on its memory. Indexes count as in Lua's C
 * API: from 1 at the bottom of the stack, from -1 at its top. Work that allocates belongs inside `call`: outside of it a
 * full memory ends the module with an exception.
 */
export class LuaApi {
  readonly #engine: LuaEngine;
  readonly #raw: RawLua;
  readonly #state: number;
  /** Where Lua writes a string's length. */
  readonly #length: number;
  readonly #functions: number[] = [];
  #scratch: number;
  #scratchBytes = 4096;

  static async create(memoryMaxBytes: number): Promise<LuaApi> {
    const options = { openStandardLibs: false, injectObjects: false, enableProxy: false, traceAllocations: true };
    const engine = await factory.createEngine(options);
    engine.global.setMemoryMax(memoryMaxBytes);
    for (const library of [LuaLibraries.Base, LuaLibraries.String, LuaLibraries.Table, LuaLibraries.Math]) {
      engine.global.loadLibrary(library);
    }
    return new LuaApi(engine);
  }

  private constructor(engine: LuaEngine) {
    this.#engine = engine;
    // wasmoon declares its module without the functions that it exports.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    this.#raw = engine.global.lua.module as unknown as RawLua;
    this.#state = engine.global.address;
    this.#length = this.#raw._malloc(8);
    this.#scratch = this.#raw._malloc(this.#scratchBytes);
  }

  /** Frees the state and everything that was created for it. */
  close(): void {
    this.#engine.global.close();
    for (const created of this.#functions) this.#raw.removeFunction(created);
    this.#raw._free(this.#length);
    this.#raw._free(this.#scratch);
  }

  /** Compiles a chunk and pushes it as a function, or pushes the error's message. */
  load(source: string, chunkName: string): LuaStatus {
    // `=` keeps the name as it is in messages; `t` takes no bytecode, which could break out of the sandbox.
    const nameAndMode = Buffer.from(`=${chunkName}\0t\0`);
    const text = Buffer.from(source);
    const at = this.#reserve(nameAndMode.length + text.length);
    this.#raw.HEAPU8.set(nameAndMode, at);
    this.#raw.HEAPU8.set(text, at + nameAndMode.length);
    const mode = at + nameAndMode.length - 2;
    const status = this.#raw._luaL_loadbufferx(this.#state, at + nameAndMode.length, text.length, at, mode);
    return statusOf(status);
  }

  /** Calls the function below its arguments on the stack; pushes the results, or the error alone. */
  call(args: number, results: number): LuaStatus {
    return statusOf(this.#raw._lua_pcallk(this.#state, args, results, 0, 0, 0));
  }

  /**
   * Makes a function that Lua can call: it finds its arguments from index 1 and returns the number of results that it
   * pushed. An exception that `isOurs` recognises becomes a Lua error with the same message; others pass through.
   */
  createFunction(implementation: () => number, isOurs: (error: unknown) => error is Error): number {
    const created = this.#raw.addFunction((state) => {
      let message: string;
      try {
        return implementation();
      } catch (error) {
        if (!isOurs(error)) throw error;
        message = error.message;
      }
      this.pushString(message);
      return this.#raw._lua_error(state);
    }, 'ii');
    this.#functions.push(created);
    return created;
  }

  pushFunction(created: number): void {
    this.#raw._lua_pushcclosure(this.#state, created, 0);
  }

  pushString(text: string): void {
    // No more than three bytes for each UTF-16 unit.
    const at = this.#reserve(text.length * 3);
    const { written } = encoder.encodeInto(text, this.#raw.HEAPU8.subarray(at, at + text.length * 3));
    this.#raw._lua_pushlstring(this.#state, at, written);
  }

  pushNil(): void {
    this.#raw._lua_pushnil(this.#state);
  }

  /** Pushes JSON's null, as a value that can stand in a table. */
  pushNull(): void {
    this.#raw._lua_pushlightuserdata(this.#state, 0);
  }

  pushBoolean(value: boolean): void {
    this.#raw._lua_pushboolean(this.#state, value ? 1 : 0);
  }

  pushInteger(value: bigint): void {
    this.#raw._lua_pushinteger(this.#state, value);
  }

  pushNumber(value: number): void {
    this.#raw._lua_pushnumber(this.#state, value);
  }

  pushTable(): void {
    this.#raw._lua_createtable(this.#state, 0, 0);
  }

  /** Takes the key and the value above it off the stack and puts them into a table. */
  rawSet(table: number): void {
    this.#raw._lua_rawset(this.#state, table);
  }

  /** Takes the value on top of the stack and makes it an element of a table. */
  rawSetIndex(table: number, key: number): void {
    this.#raw._lua_rawseti(this.#state, table, BigInt(key));
  }

  rawGetIndex(table: number, key: number): void {
    this.#raw._lua_rawgeti(this.#state, table, BigInt(key));
  }

  /** Takes a key off the stack and pushes the next one with its value; false after the last. */
  next(table: number): boolean {
    return this.#raw._lua_next(this.#state, table) !== 0;
  }

  pop(count: number): void {
    this.#raw._lua_settop(this.#state, -count - 1);
  }

  clear(): void {
    this.#raw._lua_settop(this.#state, 0);
  }

  /** Returns true when the value at an index is the last one. */
  isTop(index: number): boolean {
    return this.#raw._lua_gettop(this.#state) === index;
  }

  /** Exchanges the two values on top of the stack. */
  swap(): void {
    this.#raw._lua_rotate(this.#state, -2, 1);
  }

  /** Makes room for more values. @returns false when the stack may not grow so far. */
  ensureStack(slots: number): boolean {
    return this.#raw._lua_checkstack(this.#state, slots) !== 0;
  }

  /** Takes a value off the stack and keeps it; `pushKept` brings it back. */
  keep(): number {
    return this.#raw._luaL_ref(this.#state, registryIndex);
  }

  pushKept(kept: number): void {
    this.#raw._lua_rawgeti(this.#state, registryIndex, BigInt(kept));
  }

  /** Takes a table off the stack and makes it the metatable of the value at an index, counted with that table. */
  setMetatable(index: number): void {
    this.#raw._lua_setmetatable(this.#state, index);
  }

  /** Returns true when the metatable of a value is the kept one. */
  hasMetatable(index: number, kept: number): boolean {
    if (this.#raw._lua_getmetatable(this.#state, index) === 0) return false;
    this.pushKept(kept);
    const isSame = this.#raw._lua_rawequal(this.#state, -1, -2) !== 0;
    this.pop(2);
    return isSame;
  }

  /** Takes a value off the stack and makes it the environment of a loaded chunk. */
  setEnvironment(chunk: number): void {
    this.#raw._lua_setupvalue(this.#state, chunk, 1);
  }

  typeOf(index: number): LuaTypeName {
    return luaTypes[this.#raw._lua_type(this.#state, index)] ?? 'nil';
  }

  boolean(index: number): boolean {
    return this.#raw._lua_toboolean(this.#state, index) !== 0;
  }

  /** Returns an integer as a bigint, any other number as a number. */
  number(index: number): number | bigint {
    return this.#raw._lua_isinteger(this.#state, index) === 0
      ? this.#raw._lua_tonumberx(this.#state, index, 0)
      : this.#raw._lua_tointegerx(this.#state, index, 0);
  }

  isNull(index: number): boolean {
    return this.#raw._lua_touserdata(this.#state, index) === 0;
  }

  /** Returns a copy of a string's bytes in a buffer of that size. */
  bytes(index: number): Uint8Array {
    return new Uint8Array(this.#bytes(index));
  }

  /** Returns a string's text, no more than its first bytes; those that are not UTF-8 are replaced. */
  lossyText(index: number, bytesMax: number): string {
    const bytes = this.#bytes(index);
    if (bytes.length <= bytesMax) return bytes.toString('utf8');
    // A character that the cut would split is left out.
    let end = bytesMax;
    while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
    return `${bytes.toString('utf8', 0, end)}…`;
  }

  /** Returns a string's text; undefined when it is not UTF-8. */
  text(index: number): string | undefined {
    const bytes = this.#bytes(index);
    return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  }

  /** Returns a view of the memory, which is valid until Lua runs again. */
  #bytes(index: number): Buffer {
    const at = this.#raw._lua_tolstring(this.#state, index, this.#length);
    const length = this.#raw.HEAPU32[this.#length / 4] ?? 0;
    return Buffer.from(this.#raw.HEAPU8.buffer, at, length);
  }

  /** Returns memory for so many bytes on their way to Lua, which copies them. */
  #reserve(bytes: number): number {
    if (bytes <= this.#scratchBytes) return this.#scratch;
    this.#raw._free(this.#scratch);
    this.#scratchBytes = 0;
    this.#scratch = this.#raw._malloc(bytes);
    if (this.#scratch === 0) throw new RangeError(`no memory for a text of ${bytes} bytes`);
    this.#scratchBytes = bytes;
    return this.#scratch;
  }
}

const encoder = new TextEncoder();

function statusOf(code: number): LuaStatus {
  return code === 0 ? 'ok' : code === errorMemory ? 'memory' : 'error';
}
