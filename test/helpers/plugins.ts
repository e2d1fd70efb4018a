import type { LuaChains } from '../../data-plane/lua/lua-chains.ts';
import type { Credentials } from '../../data-plane/plugin-api/credentials.ts';
import { NodeState } from '../../data-plane/plugin-api/node-state.ts';
import type { PluginCreation, PluginDeps, PluginInstance } from '../../data-plane/plugin-api/plugin-definition.ts';
import type { PluginMetrics } from '../../data-plane/plugin-api/plugin-metrics.ts';
import type { Logger } from '../../shared/log.ts';

/** Refuses every chain: for configurations without Lua. */
export const noLua: Pick<LuaChains, 'acquire'> = { acquire: () => Promise.reject(new Error('no Lua here')) };

/** The instance of a plugin that is created at once and without faults. */
export function instanceOf(created: PluginCreation | Promise<PluginCreation>): PluginInstance {
  if (created instanceof Promise) throw new Error('the plugin takes its time');
  if (created.kind === 'faults') throw new Error(JSON.stringify(created.faults));
  return created.instance;
}

/** Counts nothing. */
export const noMetrics: PluginMetrics = {
  logEntryLost() {},
  rateLimitKeyEvicted() {},
  rateLimitUnavailable() {},
  proxySeries: { consumerLabel: (name) => name, request() {}, latency() {}, bytes() {} },
};

/** What a plugin that is created alone is told of its node. */
export function alone(log: Logger, metrics: PluginMetrics = noMetrics): Pick<PluginDeps, 'pluginId' | 'nodeState'> {
  return { pluginId: '99999999-9999-4999-8999-999999999999', nodeState: new NodeState({ log, metrics }) };
}

/** Knows no consumer. */
export const noCredentials: Credentials = {
  find: () => undefined,
  consumer: () => undefined,
  consumerBy: () => undefined,
  groupsOf: () => [],
};
