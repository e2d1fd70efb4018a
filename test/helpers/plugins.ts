import type { LuaChains } from '../../data-plane/lua/lua-chains.ts';
import type { Credentials } from '../../data-plane/plugin-api/credentials.ts';
import type { PluginCreation, PluginInstance, PluginMetrics } from '../../data-plane/plugin-api/plugin-definition.ts';

/** Refuses every chain: for configurations without Lua. */
export const noLua: Pick<LuaChains, 'acquire'> = { acquire: () => Promise.reject(new Error('no Lua here')) };

/** The instance of a plugin that is created at once and without faults. */
export function instanceOf(created: PluginCreation | Promise<PluginCreation>): PluginInstance {
  if (created instanceof Promise) throw new Error('the plugin takes its time');
  if (created.kind === 'faults') throw new Error(JSON.stringify(created.faults));
  return created.instance;
}

/** Counts nothing. */
export const noMetrics: PluginMetrics = { logEntryLost() {} };

/** Knows no consumer. */
export const noCredentials: Credentials = {
  find: () => undefined,
  consumer: () => undefined,
  consumerBy: () => undefined,
  groupsOf: () => [],
};
