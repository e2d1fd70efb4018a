import { isUtf8 } from 'node:buffer';
import { isRecord } from '../../../shared/schema/is-record.ts';

type Values = Readonly<Record<string, unknown>>;

/** A token whose signature nobody has checked. */
export type ParsedToken =
  | { readonly kind: 'parsed'; readonly header: Values; readonly claims: Values }
  /** The reason, in Kong's words. */
  | { readonly kind: 'bad'; readonly reason: string };

const algorithms: ReadonlySet<unknown> = new Set(
  ['HS', 'RS', 'ES', 'PS'].flatMap((family) => [`${family}256`, `${family}384`, `${family}512`]).concat('EdDSA'),
);

/** Reads the three parts of a token. */
export function parseToken(token: string): ParsedToken {
  const [first = '', second = '', signature = '', ...more] = token.split('.', 4);
  const header = jsonOf(first);
  const claims = jsonOf(second);
  if (header === undefined || claims === undefined || more.length > 0) return bad('invalid JSON');
  if (!isRecord(header)) return bad('invalid header');
  const typ = member(header, 'typ');
  if (typ !== undefined && (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT')) return bad('invalid typ');
  if (!algorithms.has(member(header, 'alg'))) return bad('invalid alg');
  // No extension is known here, and one that a token calls critical must be (RFC 7515 section 4.1.11).
  if (Object.hasOwn(header, 'crit')) return bad('invalid crit');
  if (!isRecord(claims)) return bad('invalid claims');
  return signature === '' ? bad('invalid signature') : { kind: 'parsed', header, claims };
}

/** Returns an own member: `constructor` and the like are claims of nobody. */
export function member(values: Values, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function bad(reason: string): ParsedToken {
  return { kind: 'bad', reason };
}

function jsonOf(part: string): unknown {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  const bytes = Buffer.from(part, 'base64url');
  if (!isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return value;
  } catch {
    return undefined;
  }
}
