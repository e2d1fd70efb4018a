import { RequestError } from '../../../shared/errors.ts';
import { rateLimitingSchema, type RateLimitingConfig } from '../../../shared/plugin-schemas/rate-limiting.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import { withAnswerHeaders } from '../../plugin-api/answer-headers.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';
import { compileIdentifier } from './identifier.ts';
import { localCounters, nodeCounters } from './local-counters.ts';
import { RedisUnavailableError, type RedisSettings } from './redis-connection.ts';
import { redisCounters } from './redis-counters.ts';
import { redisPool } from './redis-pool.ts';
import { SyncedCounters } from './synced-counters.ts';
import { usageHeaders, type Counters, type Usage } from './usage.ts';
import { compileLimits, type WindowLimit } from './windows.ts';

/** Refuses requests of clients that have sent as many as their limits allow. */
export const rateLimiting: PluginDefinition<RateLimitingConfig> = {
  version: rateLimitingSchema.version,
  priority: rateLimitingSchema.priority,
  publishes: false,
  create(stored, deps) {
    const { value: config, faults } = resolveReferences(rateLimitingSchema.config, stored, deps.env);
    if (faults.length > 0) {
      return { kind: 'faults', faults: faults.map(({ path, message }) => ({ path: ['config', ...path], message })) };
    }
    return { kind: 'created', instance: createInstance(config, createCounters(config, deps), deps) };
  },
};

function createCounters(config: RateLimitingConfig, { nodeState, pluginId }: PluginDeps): Counters {
  if (config.policy !== 'redis') return localCounters(nodeState.of(nodeCounters), pluginId);
  const lease = nodeState.of(redisPool).acquire(redisSettings(config));
  if (config.sync_rate === -1) return redisCounters(lease, pluginId);
  const counters = nodeState.of(nodeCounters);
  return new SyncedCounters({ counters, lease, pluginId, everyMs: config.sync_rate * 1000 });
}

function redisSettings({ redis }: RateLimitingConfig): RedisSettings {
  return {
    host: redis.host ?? '',
    port: redis.port,
    timeoutMs: redis.timeout,
    username: redis.username,
    password: redis.password,
    database: redis.database,
    tls: redis.ssl ? { verifies: redis.ssl_verify, serverName: redis.server_name } : null,
  };
}

function createInstance(config: RateLimitingConfig, counters: Counters, { metrics }: PluginDeps): PluginInstance {
  const { error_code: status, error_message: message, hide_client_headers: isSilent } = config;
  const identify = compileIdentifier(config);
  const limitsAt = compileLimits(config);
  /** The headers of answers that are to come. */
  const told = new WeakMap<Exchange, readonly string[]>();

  function judge(exchange: Exchange, usage: Usage, limits: readonly WindowLimit[], nowMs: number): Answer | undefined {
    if (!isSilent) told.set(exchange, usageHeaders(usage, limits, nowMs));
    return usage.isAllowed ? undefined : plainAnswer(exchange, status, message);
  }

  function judgeWithoutCounters(error: unknown): undefined {
    if (!(error instanceof RedisUnavailableError)) throw error;
    metrics.rateLimitUnavailable(config.fault_tolerant ? 'passed' : 'refused');
    if (config.fault_tolerant) return undefined;
    throw new RequestError('RATE_LIMIT_UNAVAILABLE', 'The counters of the rate limit cannot be reached.', {
      cause: error,
    });
  }

  return {
    access(exchange) {
      const nowMs = Date.now();
      const limits = limitsAt(nowMs);
      const usage = counters.take(identify(exchange), limits);
      if (!(usage instanceof Promise)) return judge(exchange, usage, limits, nowMs);
      return usage.then((late) => judge(exchange, late, limits, nowMs), judgeWithoutCounters);
    },
    response(exchange, answer) {
      const headers = told.get(exchange);
      return headers === undefined ? answer : withAnswerHeaders(answer, headers);
    },
    close: () => counters.close?.(),
  };
}
