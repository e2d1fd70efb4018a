/**
 * The functions of Lua's C API that Sluice calls, as the WebAssembly module exports them. wasmoon's own wrappers treat
 * bytes as text, end it at the first NUL and replace what is not UTF-8; a record must not be changed that way. States and
 * pointers are numbers.
 */
export interface RawLua {
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
