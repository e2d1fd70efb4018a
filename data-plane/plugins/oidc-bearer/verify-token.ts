import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions, type LocalJWKSet } from 'jose';
import type { OidcBearerConfig } from '../../../shared/plugin-schemas/oidc-bearer.ts';
import type { IssuerKeys } from '../../plugin-api/issuer-keys.ts';

export type TokenVerdict =
  | { readonly kind: 'valid'; readonly claims: JWTPayload }
  /** The reason quotes nothing of the token. */
  | { readonly kind: 'invalid'; readonly reason: string }
  /** The issuer's keys were never there. */
  | { readonly kind: 'unknown' };

/** Kinds of tokens that may be access tokens (RFC 9068 section 4); others, such as logout tokens, prove something else. */
const types: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);

/** Compiles the check of access tokens against the keys of their issuer. */
export function compileVerifyToken(
  config: OidcBearerConfig,
  keys: IssuerKeys,
): (token: string) => Promise<TokenVerdict> {
  const options: JWTVerifyOptions = {
    issuer: config.issuer,
    algorithms: [...config.algorithms],
    clockTolerance: config.clock_skew,
    requiredClaims: ['exp'],
    ...(config.audience === null || config.audience.length === 0 ? {} : { audience: [...config.audience] }),
  };

  return async (token) => {
    const keySet = await keys.current();
    if (keySet === undefined) return { kind: 'unknown' };
    const verdict = await verify(token, keySet, options);
    if (verdict !== 'no key') return verdict;
    const newer = await keys.newerThan(keySet);
    const second = newer === undefined ? 'no key' : await verify(token, newer, options);
    return second === 'no key' ? invalid('no key of the issuer signed it') : second;
  };
}

async function verify(token: string, keySet: LocalJWKSet, options: JWTVerifyOptions): Promise<TokenVerdict | 'no key'> {
  try {
    return valid(await jwtVerify(token, keySet, options));
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'no key';
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return invalid(reasonOf(error));
    // Tokens need not name their key: each that fits is tried.
    for await (const key of error) {
      const verdict = await jwtVerify(token, key, options).then(valid, (failure: unknown) =>
        failure instanceof errors.JWSSignatureVerificationFailed ? undefined : invalid(reasonOf(failure)),
      );
      if (verdict !== undefined) return verdict;
    }
    return invalid('its signature is wrong');
  }
}

function valid({ payload, protectedHeader }: Awaited<ReturnType<typeof jwtVerify>>): TokenVerdict {
  return types.has(protectedHeader.typ?.toLowerCase())
    ? { kind: 'valid', claims: payload }
    : invalid('it is no access token');
}

function invalid(reason: string): TokenVerdict {
  return { kind: 'invalid', reason };
}

const claimReasons: Readonly<Record<string, string>> = {
  iss: 'it is of another issuer',
  aud: 'it is for another audience',
  exp: 'it names no end',
  nbf: 'it is not valid yet',
};

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return claimReasons[error.claim] ?? 'a claim is wrong';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  return 'it cannot be read';
}
