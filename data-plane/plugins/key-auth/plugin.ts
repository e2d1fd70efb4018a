import { keyAuthSchema, type KeyAuthConfig } from '../../../shared/plugin-schemas/key-auth.ts';
import { authenticationAccess, challenge, type Authentication } from '../../plugin-api/authentication.ts';
import type { Credentials } from '../../plugin-api/credentials.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { compileFindKey, compileHideAll, compileHideKey, compileReadFields, type FoundKey } from './find-key.ts';

/** Recognises consumers by a key in a header, the query or the body. */
export const keyAuth: PluginDefinition<KeyAuthConfig> = {
  version: keyAuthSchema.version,
  priority: keyAuthSchema.priority,
  publishes: false,
  isTriable: true,
  create(config, { credentials, log }) {
    const authenticate = compileAuthenticate(config, credentials);
    const { anonymous } = config;
    const hide = config.hide_credentials ? compileHideAll(config.key_names) : undefined;
    const access = authenticationAccess({
      anonymous,
      credentials,
      log,
      authenticate,
      hide,
      secrets: { headers: config.key_names, args: config.key_names },
      runsOnPreflight: config.run_on_preflight,
    });
    return { kind: 'created', instance: { access } };
  },
};

function compileAuthenticate(config: KeyAuthConfig, credentials: Credentials) {
  const findKey = compileFindKey(config);
  const readFields = config.key_in_body ? compileReadFields() : undefined;
  const hide = config.hide_credentials ? compileHideKey() : undefined;
  const headers = challenge('Key', config.realm);
  const refused = (message: string): Authentication => ({ kind: 'refused', status: 401, message, headers });
  const noKey = refused('No API key found in request');
  const duplicate = refused('Duplicate API key found');
  const unauthorized = refused('Unauthorized');

  /** The key leaves the request even where nobody knows it: an anonymous consumer's request may go on. */
  function judge(found: FoundKey): Authentication {
    if (found.kind === 'none') return noKey;
    if (found.kind === 'several') return duplicate;
    const known = credentials.find('keyauth_credentials', found.key);
    if (known === undefined) return unauthorized;
    const { id } = known.credential;
    return { kind: 'recognised', consumer: known.consumer, credential: { id, name: id } };
  }

  return (exchange: Exchange): Authentication | Promise<Authentication> => {
    if (readFields === undefined) {
      const found = findKey(exchange, undefined);
      if (found.kind === 'one') hide?.(exchange, found.name, undefined);
      return judge(found);
    }
    return readFields(exchange).then((fields) => {
      const found = findKey(exchange, fields);
      if (found.kind === 'one') hide?.(exchange, found.name, fields);
      return judge(found);
    });
  };
}
