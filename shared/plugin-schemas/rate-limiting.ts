import { checkHeaderName } from '../schema/header-name.ts';
import { atLeastOneOf } from '../schema/checks.ts';
import { boolean, integer, number, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { recordCheck } from './record-checks.ts';
import { movedRedisFields, redisFields, usedRedisFaults } from './redis-fields.ts';

/** The windows that a limit may have, from the shortest to the longest. */
export const ratePeriods = ['second', 'minute', 'hour', 'day', 'month', 'year'] as const;

export type RatePeriod = (typeof ratePeriods)[number];

function limit(period: RatePeriod) {
  return number({ gt: 0, description: `Requests that a ${period} allows.` });
}

const fields = {
  second: limit('second'),
  minute: limit('minute'),
  hour: limit('hour'),
  day: limit('day'),
  month: limit('month'),
  year: limit('year'),
  limit_by: string({
    default: 'consumer',
    oneOf: ['consumer', 'credential', 'ip', 'service', 'header', 'path', 'consumer-group'],
    description: 'What is counted by. Requests that lack it are counted by the address of their client.',
  }),
  header_name: string({ check: checkHeaderName, description: 'The header that is counted by.' }),
  path: string({ startsWith: '/', description: 'The path whose requests are counted together.' }),
  policy: string({
    default: 'local',
    oneOf: ['local', 'cluster', 'redis'],
    description: 'Where the counters are: on each node (`local`) or in Redis, for all nodes (`redis`).',
  }),
  fault_tolerant: boolean({
    required: true,
    default: true,
    description: 'Lets requests pass while Redis does not answer; they are refused with 503 otherwise.',
  }),
  redis: record(redisFields, { required: true, description: 'The Redis server of the policy `redis`.' }),
  hide_client_headers: boolean({
    required: true,
    default: false,
    description: 'Leaves the headers about limits out of answers.',
  }),
  error_code: integer({ default: 429, between: [200, 599], description: 'The status of refusals.' }),
  error_message: string({ default: 'API rate limit exceeded', description: 'The message of refusals.' }),
  sync_rate: number({
    required: true,
    default: -1,
    description: 'Seconds between two exchanges with Redis; -1: every request asks it.',
  }),
} as const;

export type RateLimitingConfig = InferFields<typeof fields>;

/** Seconds; a node must not do nothing but exchange counters. */
const syncRateMin = 0.02;

function checkSources({ limit_by: by, header_name: header, path, policy, redis, sync_rate: rate }: RateLimitingConfig) {
  const faults: FieldFault[] = [];
  const add = (name: string, message: string): void => void faults.push({ path: [name], message });
  if (by === 'header' && header === null) add('header_name', 'required field missing');
  if (by === 'path' && path === null) add('path', 'required field missing');
  if (by === 'consumer-group') add('limit_by', 'not supported: there are no consumer groups');
  if (policy === 'cluster') add('policy', "not supported: counters are kept by each node ('local') or in Redis");
  if (rate !== -1 && rate < syncRateMin) add('sync_rate', `value should be -1 or at least ${syncRateMin}`);
  return policy === 'redis' ? [...faults, ...usedRedisFaults(redis)] : faults;
}

/** A longer window with a lower limit would make the shorter one's meaningless. The words are Kong's. */
function checkOrder(config: RateLimitingConfig): FieldFault[] {
  const set = ratePeriods.flatMap((period) => {
    const value = config[period];
    return value === null ? [] : [{ period, value }];
  });
  return set.flatMap(({ period, value }, index) => {
    const before = set[index - 1];
    if (before === undefined || value >= before.value) return [];
    const [longer, shorter] = [`${period}(${value.toFixed(1)})`, `${before.period}(${before.value.toFixed(1)})`];
    return [{ path: [period], message: `The limit for ${longer} cannot be lower than the limit for ${shorter}` }];
  });
}

/** Limits how many requests one client may send in a window of time. */
export const rateLimitingSchema: PluginSchema<RateLimitingConfig> = {
  name: 'rate-limiting',
  version: '0.1.0',
  priority: 910,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  requiredToUnderstand: true,
  moved: movedRedisFields,
  config: record(fields, {
    required: true,
    checks: [atLeastOneOf(ratePeriods), recordCheck(fields, checkSources), recordCheck(fields, checkOrder)],
  }),
};
