import { integer, boolean, string, type FieldFault, type InferFields } from '../schema/field.ts';
import type { MovedField } from '../schema/moved-fields.ts';

/** Fields of a Redis server, with Kong's names and defaults. */
export const redisFields = {
  host: string({ description: 'Host name or address of the server.' }),
  port: integer({ default: 6379, between: [0, 65_535], description: 'Port of the server.' }),
  timeout: integer({
    default: 2000,
    between: [0, 2_147_483_646],
    description: 'Time to connect, and time for each answer (ms).',
  }),
  username: string({ referenceable: true, description: 'User name (Redis 6 and newer).' }),
  password: string({ referenceable: true, encrypted: true, lenMin: 0, description: 'Password.' }),
  database: integer({ default: 0, description: 'Number of the database.' }),
  ssl: boolean({ required: true, default: false, description: 'Connects with TLS.' }),
  ssl_verify: boolean({ required: true, default: false, description: 'Verifies the certificate of the server.' }),
  server_name: string({ description: 'Server name for TLS, where it differs from `host`.' }),
} as const;

export type RedisConfig = InferFields<typeof redisFields>;

/** The places that these fields have left: `redis_host` for `redis.host`, and so on. */
export const movedRedisFields: readonly MovedField[] = Object.keys(redisFields).map((name) => ({
  from: `redis_${name}`,
  to: `redis.${name}`,
}));

/** The faults of a record of these fields that is used: what is needed stands there. */
export function usedRedisFaults(redis: RedisConfig): FieldFault[] {
  return (['host', 'port', 'timeout'] as const)
    .filter((name) => redis[name] === null)
    .map((name) => ({ path: ['redis', name], message: 'required field missing' }));
}
