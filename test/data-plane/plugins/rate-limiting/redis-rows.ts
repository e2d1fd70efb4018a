import type { Values } from '../guard-fixture.ts';

/** The ports on which the servers of the test listen. */
export interface RedisPorts {
  readonly plain: number;
  readonly tls: number;
  readonly slow: number;
}

/** A field of the record `redis`: with the first settings Redis is reached, with the other value of the field it is not. */
export interface RedisRow {
  readonly field: string;
  readonly reached: (ports: RedisPorts) => Values;
  readonly other: Values;
}

export const tlsName = 'redis.example';
export const user = { username: 'limiter', password: 'right-pAss' } as const;

const plain = ({ plain: port }: RedisPorts): Values => ({ port });
const login = ({ plain: port }: RedisPorts): Values => ({ port, ...user });
const secure = ({ tls: port }: RedisPorts): Values => ({ port, ssl: true });

/** Every published field of `redis` has a row; `every-field.test.ts` looks after that. */
export const redisRows: readonly RedisRow[] = [
  { field: 'host', reached: plain, other: { host: '127.0.0.2' } },
  { field: 'port', reached: plain, other: { port: 1 } },
  { field: 'timeout', reached: ({ slow: port }) => ({ port, timeout: 5000 }), other: { timeout: 50 } },
  { field: 'username', reached: login, other: { username: 'nobody' } },
  { field: 'password', reached: login, other: { password: 'wrong-pAss' } },
  { field: 'database', reached: plain, other: { database: 99 } },
  { field: 'ssl', reached: secure, other: { ssl: false } },
  { field: 'ssl_verify', reached: secure, other: { ssl_verify: true } },
  {
    field: 'server_name',
    reached: ({ tls: port }) => ({ port, ssl: true, server_name: tlsName }),
    other: { server_name: 'other.example' },
  },
];
