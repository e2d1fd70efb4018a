/**
 * A Lua chunk that runs once in a new state, with decode, encode, null and the lists' metatable as arguments. It returns a
 * function that makes an environment: each function of a chain has its own, with copies of the libraries, so that none can
 * change what another sees. Nothing but the listed names exists: no io, os, require, load, debug, coroutine,
 * collectgarbage, print.
 */
export const sandboxSource = `
local decode, encode, null, array_mt = ...
local getmetatable, setmetatable, rawget, error, pairs = getmetatable, setmetatable, rawget, error, pairs
local type, string, table, math = type, string, table, math

-- Methods of strings come from this table, which no function can reach any more.
getmetatable("").__metatable = false
string.dump = nil

-- A finaliser would run outside of the time that a call's deadline bounds.
local function set_metatable(target, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("__gc is not allowed", 2)
  end
  return setmetatable(target, meta)
end

local function copy(library)
  local result = {}
  for name, value in pairs(library) do result[name] = value end
  return result
end

local base = {
  _VERSION = _VERSION, assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next,
  pairs = pairs, pcall = pcall, rawequal = rawequal, rawget = rawget, rawlen = rawlen, rawset = rawset,
  select = select, setmetatable = set_metatable, tonumber = tonumber, tostring = tostring, type = type,
  unpack = table.unpack, xpcall = xpcall,
}
local cjson = { decode = decode, encode = encode, null = null, array_mt = array_mt, empty_array_mt = array_mt }

return function()
  local environment = copy(base)
  environment.string = copy(string)
  environment.table = copy(table)
  environment.math = copy(math)
  environment.cjson = copy(cjson)
  environment._G = environment
  return environment
end
`;
