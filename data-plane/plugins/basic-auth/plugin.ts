import { isUtf8 } from 'node:buffer';
import { basicAuthSchema, type BasicAuthConfig } from '../../../shared/plugin-schemas/basic-auth.ts';
import { authenticationAccess, challenge, type Authentication } from '../../plugin-api/authentication.ts';
import { hideLogins, loginsOf } from '../../plugin-api/authorization-header.ts';
import { isSameSecret } from '../../plugin-api/constant-time.ts';
import type { Credentials } from '../../plugin-api/credentials.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { PasswordChecks, type PasswordVerdict } from '../../plugin-api/password-checks.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';

/** Recognises consumers by a user name and a password. */
export const basicAuth: PluginDefinition<BasicAuthConfig> = {
  version: basicAuthSchema.version,
  priority: basicAuthSchema.priority,
  publishes: false,
  create(config, { credentials, log, passwordChecks = new PasswordChecks() }) {
    const authenticate = compileAuthenticate(config, credentials, passwordChecks);
    const { anonymous } = config;
    const hide = config.hide_credentials ? hideLogins : undefined;
    const access = authenticationAccess({ anonymous, credentials, log, authenticate, hide });
    return { kind: 'created', instance: { access } };
  },
};

const busy: Authentication = {
  kind: 'unavailable',
  status: 429,
  message: 'Too many passwords are being checked',
  headers: ['Retry-After', '1'],
};

function compileAuthenticate(config: BasicAuthConfig, credentials: Credentials, checks: PasswordChecks) {
  const refused: Authentication = {
    kind: 'refused',
    status: 401,
    message: 'Unauthorized',
    headers: challenge('Basic', config.realm),
  };

  function judge({ username }: Login, verdict: PasswordVerdict, stored: string | undefined): Authentication {
    if (verdict === 'busy') return busy;
    // Found again: the credential may have been changed or removed while its password was checked.
    const found = credentials.find('basicauth_credentials', username);
    if (verdict === 'wrong' || found === undefined || stored === undefined) return refused;
    if (!isSameSecret(found.credential.password, stored)) return refused;
    const { consumer, credential } = found;
    return { kind: 'recognised', consumer, credential: { id: credential.id, name: credential.username } };
  }

  return (exchange: Exchange): Authentication | Promise<Authentication> => {
    const logins = loginsOf(exchange, 'basic').flatMap(readLogin);
    if (config.hide_credentials) hideLogins(exchange);
    const known = logins.find(({ username }) => credentials.find('basicauth_credentials', username) !== undefined);
    const login = known ?? logins[0];
    if (login === undefined) return refused;
    const stored = credentials.find('basicauth_credentials', login.username)?.credential.password;
    const verdict = checks.verify(login.username, login.password, stored);
    if (typeof verdict === 'string') return judge(login, verdict, stored);
    return verdict.then((late) => judge(login, late, stored));
  };
}

interface Login {
  readonly username: string;
  readonly password: string;
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Reads `user:password` in base64 and UTF-8 (RFC 7617); an empty list where it is not. */
function readLogin(text: string): Login[] {
  if (!base64.test(text)) return [];
  const bytes = Buffer.from(text, 'base64');
  if (!isUtf8(bytes)) return [];
  const pair = bytes.toString('utf8');
  const colon = pair.indexOf(':');
  return colon <= 0 ? [] : [{ username: pair.slice(0, colon), password: pair.slice(colon + 1) }];
}
