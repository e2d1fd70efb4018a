import type { JwtConfig } from '../../../shared/plugin-schemas/jwt.ts';
import { member } from './parse-token.ts';

type Values = Readonly<Record<string, unknown>>;

/** Compiles the checks of a token's times; the function returns faults by claim, in Kong's words. */
export function compileCheckClaims(
  config: JwtConfig,
  nowMs: () => number,
): (claims: Values) => Readonly<Record<string, string>> | undefined {
  const verified = config.claims_to_verify ?? [];
  const mostSeconds = config.maximum_expiration ?? 0;
  return (claims) => {
    const now = Math.floor(nowMs() / 1_000);
    const faults = verified.flatMap((name) => {
      const fault = timeFault(name, member(claims, name), now);
      return fault === undefined ? [] : [[name, fault] as const];
    });
    if (faults.length > 0) return Object.fromEntries(faults);
    // The schema's check says that `exp` was verified: it is a number.
    const isTooLate = mostSeconds > 0 && Number(member(claims, 'exp')) - now > mostSeconds;
    return isTooLate ? { exp: 'exceeds maximum allowed expiration' } : undefined;
  };
}

function timeFault(name: 'exp' | 'nbf', value: unknown, now: number): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number';
  if (name === 'exp') return value <= now ? 'token expired' : undefined;
  return value > now ? 'token not valid yet' : undefined;
}
