import type { LuaChains } from '../../data-plane/lua/lua-chains.ts';
import type { PluginCreation, PluginInstance, PluginMetrics } from '../../data-plane/plugin-api/plugin-definition.ts';

/** For configurations without Lua: must not be asked. */
export const noLua: LuaChains = {
  acquire: () => Promise.reject(new Error('no Lua here')),
  close: () => Promise.resolve(),
};

/** The instance of a plugin that is created at once and without faults. */
export function instanceOf(created: PluginCreation | Promise<PluginCreation>): PluginInstance {
  if (created instanceof Promise) throw new Error('the plugin takes its time');
  if (created.kind === 'faults') throw new Error(JSON.stringify(created.faults));
  return created.instance;
}

/** Counts nothing. */
export const noMetrics: PluginMetrics = { logEntryLost() {} };
