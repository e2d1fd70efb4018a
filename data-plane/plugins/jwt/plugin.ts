import { jwtSchema, type JwtConfig } from '../../../shared/plugin-schemas/jwt.ts';
import { authenticationAccess, bearerChallenge, type Authentication } from '../../plugin-api/authentication.ts';
import type { Credentials } from '../../plugin-api/credentials.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { compileCheckClaims } from './check-claims.ts';
import { compileFindToken } from './find-token.ts';
import { member, parseToken } from './parse-token.ts';
import { compileVerifySignature } from './verify-signature.ts';

/** Recognises consumers by a token that one of their JWT credentials signed. */
export const jwt: PluginDefinition<JwtConfig> = {
  version: jwtSchema.version,
  priority: jwtSchema.priority,
  publishes: false,
  isTriable: true,
  create(config, { credentials, log }) {
    const authenticate = compileAuthenticate(config, credentials);
    const hasCookies = (config.cookie_names ?? []).length > 0;
    const secretHeaders = [...(config.header_names ?? []), ...(hasCookies ? ['cookie'] : [])];
    const access = authenticationAccess({
      anonymous: config.anonymous,
      credentials,
      log,
      authenticate,
      secrets: { headers: secretHeaders, args: config.uri_param_names ?? [] },
      runsOnPreflight: config.run_on_preflight,
    });
    return { kind: 'created', instance: { access } };
  },
};

function compileAuthenticate(config: JwtConfig, credentials: Credentials) {
  const findToken = compileFindToken(config);
  const verifySignature = compileVerifySignature(config.secret_is_base64);
  const checkClaims = compileCheckClaims(config, Date.now);
  const claimName = config.key_claim_name ?? 'iss';
  const plainHeaders = bearerChallenge(config.realm);
  const errorHeaders = bearerChallenge(config.realm, { error: 'invalid_token' });
  const noToken: Authentication = { kind: 'refused', status: 401, message: 'Unauthorized', headers: plainHeaders };
  const refused = (message: string, errors?: Readonly<Record<string, string>>): Authentication => ({
    kind: 'refused',
    status: 401,
    message,
    headers: errorHeaders,
    ...(errors === undefined ? {} : { errors }),
  });

  async function judge(token: string): Promise<Authentication> {
    const parsed = parseToken(token);
    if (parsed.kind === 'bad') return refused(`Bad token; ${parsed.reason}`);
    const { claims, header } = parsed;
    const key = member(claims, claimName) ?? member(header, claimName);
    if (typeof key !== 'string') return refused(`No mandatory '${claimName}' in claims`);
    if (key === '') return refused(`Invalid '${claimName}' in claims`);
    const found = credentials.find('jwt_secrets', key);
    if (found === undefined) return refused(`No credentials found for given '${claimName}'`);
    const { credential, consumer } = found;
    const algorithm = credential.algorithm ?? 'HS256';
    // The credential decides, never the token.
    if (member(header, 'alg') !== algorithm) return refused('Invalid algorithm');
    const verdict = await verifySignature(token, credential, algorithm);
    if (verdict === 'unusable key') return refused('Invalid key/secret');
    if (verdict === 'invalid') return refused('Invalid signature');
    const errors = checkClaims(claims);
    if (errors !== undefined) return refused('Unauthorized', errors);
    return { kind: 'recognised', consumer, credential: { id: credential.id, name: key } };
  }

  return (exchange: Exchange): Authentication | Promise<Authentication> => {
    const found = findToken(exchange);
    if (found.kind === 'one') return judge(found.token);
    if (found.kind === 'none') return noToken;
    return refused(found.kind === 'several' ? 'Multiple tokens provided' : 'Unrecognizable token');
  };
}
