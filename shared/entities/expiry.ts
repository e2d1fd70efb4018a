import { checkScalar } from '../schema/check-scalar.ts';
import type { AutoValues } from '../schema/check.ts';
import { integer, type FieldFault } from '../schema/field.ts';

type Body = Readonly<Record<string, unknown>>;

/**
 * The field of entities that expire: whole seconds since 1970, or null. It is stored and travels to nodes; clients write
 * and see `ttl`, the seconds that are left.
 */
export const expiryField = 'expires_at';

/** Write-only; 0 or null: does not expire. */
export const ttlField = integer({
  between: [0, 100_000_000],
  description: 'Seconds after which the entity is gone; it is answered as what is left of them.',
});

/** Replaces the shorthand `ttl` by the time of expiry. Without a clock `ttl` stays. */
export function expandTtl(
  body: Body,
  auto: AutoValues | undefined,
): { readonly body: Body; readonly faults: readonly FieldFault[] } {
  if (!Object.hasOwn(body, 'ttl') || auto === undefined) return { body, faults: [] };
  const { ttl, ...rest } = body;
  if (ttl === null) return { body: { ...rest, [expiryField]: null }, faults: [] };
  const checked = checkScalar(ttlField, ttl);
  if (checked.kind === 'fault') return { body: rest, faults: [{ path: ['ttl'], message: checked.message }] };
  const seconds = Number(checked.value);
  return { body: { ...rest, [expiryField]: seconds === 0 ? null : auto.now() + seconds }, faults: [] };
}

/** Returns the entity as clients see it: with the seconds left in place of the time of expiry. */
export function withTtl(entity: Body, nowSeconds: number): Body {
  if (!Object.hasOwn(entity, expiryField)) return entity;
  const { [expiryField]: expiresAt, ...rest } = entity;
  return { ...rest, ttl: typeof expiresAt === 'number' ? Math.max(expiresAt - nowSeconds, 0) : null };
}
