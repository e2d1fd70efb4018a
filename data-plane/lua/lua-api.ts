import { isUtf8 } from 'node:buffer';
import { type LuaEngine, LuaFactory, LuaLibraries } from 'wasmoon';

/**
 * What is used of Lua's C API, as the WebAssembly module exports it. wasmoon's own wrappers take text for bytes, end it
 * at the first NUL and replace what is not UTF-8; a record must not be changed that way. States and pointers are numbers.
 */
interface RawLua {
  HEAPU8: Uint8Array;
  HEAPU32: Uint32Array;
  addFunction(implementation: (state: number) => number, signature: string): number;
  removeFunction(created: number): void;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _luaL_loadbufferx(state: number, text: number, bytes: number, name: number, mode: number): number;
  _luaL_ref(state: number, table: number): number;
  _lua_checkstack(state: number, slots: number): number;
  _lua_createtable(state: number, elements: number, members: number): void;
  _lua_error(state: number): number;
  _lua_getmetatable(state: number, index: number): number;
  _lua_gettop(state: number): number;
  _lua_isinteger(state: number, index: number): number;
  _lua_next(state: number, index: number): number;
  _lua_pcallk(state: number, args: number, results: number, handler: number, context: number, k: number): number;
  _lua_pushboolean(state: number, value: number): void;
  _lua_pushcclosure(state: number, implementation: number, upvalues: number): void;
  _lua_pushinteger(state: number, value: bigint): void;
  _lua_pushlightuserdata(state: number, pointer: number): void;
  _lua_pushlstring(state: number, text: number, bytes: number): number;
  _lua_pushnil(state: number): void;
  _lua_pushnumber(state: number, value: number): void;
  _lua_rawequal(state: number, left: number, right: number): number;
  _lua_rawgeti(state: number, table: number, key: bigint): number;
  _lua_rawset(state: number, table: number): void;
  _lua_rawseti(state: number, table: number, key: bigint): void;
  _lua_rotate(state: number, index: number, by: number): void;
  _lua_setmetatable(state: number, index: number): number;
  _lua_settop(state: number, index: number): void;
  _lua_setupvalue(state: number, index: number, upvalue: number): number;
  _lua_toboolean(state: number, index: number): number;
  _lua_tointegerx(state: number, index: number, isNumber: number): bigint;
  _lua_tolstring(state: number, index: number, bytes: number): number;
  _lua_tonumberx(state: number, index: number, isNumber: number): number;
  _lua_touserdata(state: number, index: number): number;
  _lua_type(state: number, index: number): number;
}

/** Lua's own numbers for the kinds of values. */
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

/** What a protected call or a compilation came to. */
export type LuaStatus = 'ok' | 'error' | 'memory';

const registryIndex = -1_001_000;
const errorMemory = 4;

/** The thread's one WebAssembly module; states in it share nothing but its memory. */
const factory = new LuaFactory();

/**
 * One Lua state with no libraries but base, string, table and math, and a bound on what it may allocate. Indexes count as
 * in Lua's C API: from 1 at the bottom of the stack, from -1 at its top. What allocates belongs inside `call`: outside of
 * it a full memory ends the module with an exception.
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

  /** Frees the state and all that was made for it. */
  close(): void {
    this.#engine.global.close();
    for (const created of this.#functions) this.#raw.removeFunction(created);
    this.#raw._free(this.#length);
    this.#raw._free(this.#scratch);
  }

  /** Compiles a chunk and pushes it as a function, or pushes why it cannot be. */
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
   * A function of ours for Lua: it finds its arguments from index 1 and gives the number of results that it pushed. What
   * `isOurs` recognises among its exceptions becomes a Lua error with the same message; others pass through.
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

  /** JSON's null, as a value that can stand in a table. */
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

  /** Whether the value at an index is the last one. */
  isTop(index: number): boolean {
    return this.#raw._lua_gettop(this.#state) === index;
  }

  /** Exchanges the two values on top of the stack. */
  swap(): void {
    this.#raw._lua_rotate(this.#state, -2, 1);
  }

  /** Room for more values. @returns false when the stack may not grow so far. */
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

  /** Takes a table off the stack and makes it the metatable of the value at an index, as counted before. */
  setMetatable(index: number): void {
    this.#raw._lua_setmetatable(this.#state, index);
  }

  /** Whether the metatable of a value is the one that is kept. */
  hasMetatable(index: number, kept: number): boolean {
    if (this.#raw._lua_getmetatable(this.#state, index) === 0) return false;
    this.pushKept(kept);
    const isSame = this.#raw._lua_rawequal(this.#state, -1, -2) !== 0;
    this.pop(2);
    return isSame;
  }

  /** Takes a value off the stack and makes it the environment of a chunk that was loaded. */
  setEnvironment(chunk: number): void {
    this.#raw._lua_setupvalue(this.#state, chunk, 1);
  }

  typeOf(index: number): LuaTypeName {
    return luaTypes[this.#raw._lua_type(this.#state, index)] ?? 'nil';
  }

  boolean(index: number): boolean {
    return this.#raw._lua_toboolean(this.#state, index) !== 0;
  }

  /** An integer as a bigint, any other number as a number. */
  number(index: number): number | bigint {
    return this.#raw._lua_isinteger(this.#state, index) === 0
      ? this.#raw._lua_tonumberx(this.#state, index, 0)
      : this.#raw._lua_tointegerx(this.#state, index, 0);
  }

  isNull(index: number): boolean {
    return this.#raw._lua_touserdata(this.#state, index) === 0;
  }

  /** A copy of a string's bytes, with no more memory behind it. */
  bytes(index: number): Uint8Array {
    return new Uint8Array(this.#bytes(index));
  }

  /** A string's text; what is not UTF-8 is replaced. */
  lossyText(index: number): string {
    return this.#bytes(index).toString('utf8');
  }

  /** A string's text; undefined when it is not UTF-8. */
  text(index: number): string | undefined {
    const bytes = this.#bytes(index);
    return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  }

  /** A view of the memory, good until Lua runs again. */
  #bytes(index: number): Buffer {
    const at = this.#raw._lua_tolstring(this.#state, index, this.#length);
    const length = this.#raw.HEAPU32[this.#length / 4] ?? 0;
    return Buffer.from(this.#raw.HEAPU8.buffer, at, length);
  }

  /** Memory for so many bytes on their way to Lua, which copies them. */
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
