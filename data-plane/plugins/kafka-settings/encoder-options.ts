import type { ConfluentRegistryConfig } from '../../../shared/plugin-schemas/schema-registry-fields.ts';
import type { EncoderOptions, RegistrySettings } from '../../schemas/encoder.ts';
import type { ForwardProxy } from '../../http-client/forward-proxy.ts';
import type { OAuthSettings } from '../../http-client/token-source.ts';

/** Returns the encoder that a configuration, with its references resolved, asks for; null without a schema for the role. */
export function encoderOptions(
  registry: ConfluentRegistryConfig | null | undefined,
  role: 'key' | 'value',
  topics: readonly string[],
): EncoderOptions | null {
  const schema = role === 'key' ? registry?.key_schema : registry?.value_schema;
  if (!registry || !schema) return null;
  const headers: Record<string, string> = {};
  const { logical_cluster_id: clusterId, identity_pool_id: poolId } = registry.authentication;
  if (clusterId !== null) headers['target-sr-cluster'] = clusterId;
  if (poolId !== null) headers['Confluent-Identity-Pool-Id'] = poolId;
  return {
    registry: {
      url: registry.url,
      ttlSeconds: registry.ttl,
      sslVerify: registry.ssl_verify,
      authentication: authenticationOf(registry.authentication),
      headers,
    },
    subjectName: schema.subject_name,
    schemaVersion: schema.schema_version,
    payloadEncoding: schema.payload_encoding,
    messageName: schema.message_name,
    subjectNameStrategy: registry.subject_name_strategy,
    role,
    topics,
  };
}

/** A token endpoint may take this long where the configuration sets no bound. */
const tokenTimeoutDefaultMs = 10_000;

function authenticationOf({
  mode,
  basic,
  oauth2,
  oauth2_client: client,
}: ConfluentRegistryConfig['authentication']): RegistrySettings['authentication'] {
  // The configuration's checks say that what a mode needs is there.
  if (mode === 'basic' && basic !== null) return { mode, ...basic };
  if (mode !== 'oauth2' || oauth2 === null) return { mode: 'none' };
  const oauth: OAuthSettings = {
    tokenEndpoint: oauth2.token_endpoint,
    grantType: oauth2.grant_type,
    clientAuth: client?.auth_method ?? 'client_secret_post',
    jwtAlgorithm: client?.client_secret_jwt_alg ?? 'HS512',
    clientId: oauth2.client_id,
    clientSecret: oauth2.client_secret,
    username: oauth2.username,
    password: oauth2.password,
    scopes: oauth2.scopes,
    audience: oauth2.audience,
    headers: oauth2.token_headers ?? {},
    postArgs: oauth2.token_post_args ?? {},
    timeoutMs: client?.timeout || tokenTimeoutDefaultMs,
    keepAlive: client?.keep_alive ?? true,
    sslVerify: client?.ssl_verify ?? true,
    proxies: {
      http: proxyOf(client?.http_proxy, client?.http_proxy_authorization),
      https: proxyOf(client?.https_proxy, client?.https_proxy_authorization),
      except: client?.no_proxy ?? null,
    },
  };
  return { mode, oauth };
}

function proxyOf(url: string | null | undefined, authorization: string | null | undefined): ForwardProxy | null {
  return url ? { url, authorization: authorization ?? null } : null;
}
