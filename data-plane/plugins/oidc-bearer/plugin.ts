import type { JWTPayload } from 'jose';
import { oidcBearerSchema, type OidcBearerConfig } from '../../../shared/plugin-schemas/oidc-bearer.ts';
import { authenticationAccess, bearerChallenge, type Authentication } from '../../plugin-api/authentication.ts';
import { afterScheme } from '../../plugin-api/authorization-header.ts';
import type { Credentials } from '../../plugin-api/credentials.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { Issuers } from '../../plugin-api/issuers.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { compileVerifyToken, type TokenVerdict } from './verify-token.ts';

/** Recognises consumers by the access tokens of an issuer. */
export const oidcBearer: PluginDefinition<OidcBearerConfig> = {
  version: oidcBearerSchema.version,
  priority: oidcBearerSchema.priority,
  publishes: false,
  create(config, { credentials, log, issuers = new Issuers() }) {
    const keys = issuers.acquire(config.issuer, config.jwks_ttl);
    const authenticate = compileAuthenticate(config, credentials, compileVerifyToken(config, keys.value));
    const { anonymous } = config;
    const hide = config.hide_credentials ? hideToken : undefined;
    const access = authenticationAccess({ anonymous, credentials, log, authenticate, hide });
    return { kind: 'created', instance: { access, close: keys.release } };
  },
};

const unavailable: Authentication = {
  kind: 'unavailable',
  status: 503,
  message: 'The keys of the issuer are not available',
  headers: ['Retry-After', '5'],
};

function compileAuthenticate(
  config: OidcBearerConfig,
  credentials: Credentials,
  verify: (token: string) => Promise<TokenVerdict>,
) {
  const { consumer_claim: claimName, consumer_by: field, hide_credentials: hides } = config;
  const scopes = config.scopes_required ?? [];
  const refused = (status: number, message: string, headers: readonly string[]): Authentication => ({
    kind: 'refused',
    status,
    message,
    headers,
  });
  const noToken = refused(401, 'Unauthorized', bearerChallenge(null));
  const several = refused(401, 'Multiple tokens provided', bearerChallenge(null, { error: 'invalid_request' }));
  const invalid = (reason: string) =>
    refused(401, `The token is not valid: ${reason}`, bearerChallenge(null, { error: 'invalid_token' }));
  const noScope = refused(
    403,
    'The token lacks a scope',
    bearerChallenge(null, { error: 'insufficient_scope', scope: scopes.join(' ') }),
  );

  function judge(verdict: TokenVerdict): Authentication {
    if (verdict.kind === 'unknown') return unavailable;
    if (verdict.kind === 'invalid') return invalid(verdict.reason);
    const { claims } = verdict;
    const given = scopesOf(claims);
    if (!scopes.every((scope) => given.has(scope))) return noScope;
    const name = Object.hasOwn(claims, claimName) ? claims[claimName] : undefined;
    if (typeof name !== 'string' || name === '') return invalid('it names no consumer');
    const consumer = credentials.consumerBy(field, name);
    if (consumer === undefined) return invalid('it names no consumer that is known');
    return { kind: 'recognised', consumer, credential: { id: name, name } };
  }

  return (exchange: Exchange): Authentication | Promise<Authentication> => {
    const [token, ...more] = exchange.headers
      .all('authorization')
      .flatMap((value) => afterScheme(value, 'bearer') ?? [])
      .filter((text) => text !== '');
    if (hides) hideToken(exchange);
    if (token === undefined) return noToken;
    return more.length > 0 ? several : verify(token).then(judge);
  };
}

function hideToken({ headers }: Exchange): void {
  headers.remove('authorization');
}

/** Returns the scopes of a token: `scope` of RFC 9068, or `scp`, as some issuers call it. */
function scopesOf({ scope, scp }: JWTPayload): ReadonlySet<string> {
  const lists = [scope, scp].flatMap((value) => (typeof value === 'string' ? value.split(' ') : (value ?? [])));
  return new Set(lists.filter((one) => typeof one === 'string'));
}
