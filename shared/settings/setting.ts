import type { ParseValue } from './setting-values.ts';

export const roles = ['traditional', 'control_plane', 'data_plane', 'dbless'] as const;
export type Role = (typeof roles)[number];

/** One row of the table. The type parameters keep what the row says, so that each role has settings of its own type. */
export interface Setting<
  T,
  D extends string | undefined,
  R extends readonly Role[] = readonly Role[],
  Q extends readonly Role[] = readonly Role[],
> {
  readonly roles: R;
  /** The default as it would be written; undefined: none. */
  readonly default: D;
  readonly parse: ParseValue<T>;
  readonly description: string;
  /** Roles that cannot start without it. */
  readonly required?: Q;
  /** The value is a secret: `file:PATH` and `env:NAME` are read, and a value on the command line is warned of. */
  readonly isSecret?: boolean;
}

/** A row whose default, roles and requiring roles keep their literal types. */
export function setting<
  T,
  const D extends string | undefined,
  const R extends readonly Role[],
  const Q extends readonly Role[] = readonly [],
>(row: Setting<T, D, R, Q>): Setting<T, D, R, Q> {
  return row;
}

export const roleGroups = {
  all: roles,
  controlPlane: ['control_plane'],
  dataPlane: ['data_plane'],
  dbless: ['dbless'],
  /** Roles with a database of their own. */
  store: ['control_plane', 'traditional'],
  /** Roles with an Admin API. */
  admin: ['control_plane', 'traditional', 'dbless'],
  /** Roles that serve requests. */
  proxy: ['data_plane', 'traditional', 'dbless'],
  /** Roles that talk over the cluster port. */
  cluster: ['control_plane', 'data_plane'],
} as const satisfies Readonly<Record<string, readonly Role[]>>;
