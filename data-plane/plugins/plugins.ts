import type { Infer } from '../../shared/schema/field.ts';
import type { PluginName, pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { kafkaLog } from './kafka-log/plugin.ts';
import { acl } from './acl/plugin.ts';
import { basicAuth } from './basic-auth/plugin.ts';
import { hmacAuth } from './hmac-auth/plugin.ts';
import { oidcBearer } from './oidc-bearer/plugin.ts';
import { jwt } from './jwt/plugin.ts';
import { keyAuth } from './key-auth/plugin.ts';
import { kafkaUpstream } from './kafka-upstream/plugin.ts';
import { requestTermination } from './request-termination/plugin.ts';
import { correlationId } from './correlation-id/plugin.ts';
import { ipRestriction } from './ip-restriction/plugin.ts';
import { rateLimiting } from './rate-limiting/plugin.ts';
import { standardWebhooks } from './standard-webhooks/plugin.ts';
import { webhookSignature } from './webhook-signature/plugin.ts';
import { requestTransformer } from './request-transformer/plugin.ts';
import { responseTransformer } from './response-transformer/plugin.ts';
import { prometheus } from './prometheus/plugin.ts';
import { openTelemetry } from './opentelemetry/plugin.ts';
import { requestSizeLimiting } from './request-size-limiting/plugin.ts';
import { cors } from './cors/plugin.ts';
import type { PluginDefinition } from '../plugin-api/plugin-definition.ts';

/** Every plugin's handler. A schema without a handler does not compile. */
export const plugins = {
  'kafka-log': kafkaLog,
  'kafka-upstream': kafkaUpstream,
  'key-auth': keyAuth,
  'basic-auth': basicAuth,
  acl,
  jwt,
  'oidc-bearer': oidcBearer,
  'hmac-auth': hmacAuth,
  cors,
  'request-size-limiting': requestSizeLimiting,
  'webhook-signature': webhookSignature,
  'standard-webhooks': standardWebhooks,
  'rate-limiting': rateLimiting,
  'request-transformer': requestTransformer,
  'response-transformer': responseTransformer,
  opentelemetry: openTelemetry,
  prometheus,
  'ip-restriction': ipRestriction,
  'correlation-id': correlationId,
  'request-termination': requestTermination,
} satisfies { readonly [Name in PluginName]: PluginDefinition<Infer<(typeof pluginSchemas)[Name]['config']>> };
