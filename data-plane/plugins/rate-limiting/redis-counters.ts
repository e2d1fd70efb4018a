import { redisScript, RedisUnavailableError } from './redis-connection.ts';
import type { RedisLease } from './redis-pool.ts';
import type { Counters, Usage } from './usage.ts';
import type { WindowLimit } from './windows.ts';

/**
 * Judges by all windows and counts in all of them, or in none, as one step. KEYS: a counter a window. ARGV: the number to
 * add; then for each window its limit and the time for which its counter is kept (ms). Answers 1 or 0, then the counts.
 */
const script = redisScript(`
local added = tonumber(ARGV[1])
local answer = {1}
for i, key in ipairs(KEYS) do
  local count = tonumber(redis.call('GET', key)) or 0
  answer[i + 1] = count
  if count >= tonumber(ARGV[2 * i]) then answer[1] = 0 end
end
if answer[1] == 1 then
  for i, key in ipairs(KEYS) do
    answer[i + 1] = redis.call('INCRBY', key, added)
    if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ARGV[2 * i + 1]) end
  end
end
return answer
`);

/** Clocks of nodes differ: a counter outlives its window by this time, so that a node that is behind still finds it. */
const keptMs = 2_000;

/** Counts in Redis, for all nodes together; every request asks it. */
export function redisCounters(lease: RedisLease, pluginId: string): Counters {
  return {
    take: (identifier, limits) => countInRedis(lease, { pluginId, identifier, limits, added: 1 }),
    close: () => lease.release(),
  };
}

export interface RedisCount {
  readonly pluginId: string;
  readonly identifier: string;
  readonly limits: readonly WindowLimit[];
  readonly added: number;
}

/** Adds to the counters of a client, unless a limit is reached. @throws (rejects) RedisUnavailableError */
export async function countInRedis({ connection }: RedisLease, count: RedisCount): Promise<Usage> {
  const { pluginId, identifier, limits, added } = count;
  // The braces keep all counters of a client on one node of a cluster.
  const stem = `sluice:rate-limiting:{${pluginId}:${identifier}}`;
  const keys = limits.map(({ period, startMs }) => `${stem}:${period}:${startMs / 1000}`);
  const nowMs = Date.now();
  const values = limits.flatMap(({ limit, endMs }) => [limitText(limit), String(Math.max(1, endMs - nowMs) + keptMs)]);
  return usageOf(await connection.run(script, keys, [String(added), ...values]), limits.length);
}

/** Lua reads no `Infinity`. */
function limitText(limit: number): string {
  return Number.isFinite(limit) ? String(limit) : '1e300';
}

function usageOf(answer: unknown, windows: number): Usage {
  const numbers = Array.isArray(answer) ? answer.map(Number) : [];
  const [verdict, ...counts] = numbers;
  if (verdict === undefined || counts.length !== windows || numbers.some(Number.isNaN)) {
    throw new RedisUnavailableError('the answer is not that of the script');
  }
  return { isAllowed: verdict === 1, counts };
}
