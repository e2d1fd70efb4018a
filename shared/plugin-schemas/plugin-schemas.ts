import { aclSchema } from './acl.ts';
import { basicAuthSchema } from './basic-auth.ts';
import { hmacAuthSchema } from './hmac-auth.ts';
import { oidcBearerSchema } from './oidc-bearer.ts';
import { jwtSchema } from './jwt.ts';
import { kafkaLogSchema } from './kafka-log.ts';
import { keyAuthSchema } from './key-auth.ts';
import { kafkaUpstreamSchema } from './kafka-upstream.ts';
import { requestTerminationSchema } from './request-termination.ts';
import { correlationIdSchema } from './correlation-id.ts';
import { ipRestrictionSchema } from './ip-restriction.ts';
import { rateLimitingSchema } from './rate-limiting.ts';
import { standardWebhooksSchema } from './standard-webhooks.ts';
import { webhookSignatureSchema } from './webhook-signature.ts';
import { requestTransformerSchema } from './request-transformer.ts';
import { responseTransformerSchema } from './response-transformer.ts';
import { prometheusSchema } from './prometheus.ts';
import { openTelemetrySchema } from './opentelemetry.ts';
import { requestSizeLimitingSchema } from './request-size-limiting.ts';
import { corsSchema } from './cors.ts';
import type { PluginSchemas } from './plugin-schema.ts';

/** All plugins that both planes know, by name. */
export const pluginSchemas = {
  'kafka-log': kafkaLogSchema,
  'kafka-upstream': kafkaUpstreamSchema,
  'key-auth': keyAuthSchema,
  'basic-auth': basicAuthSchema,
  acl: aclSchema,
  jwt: jwtSchema,
  'oidc-bearer': oidcBearerSchema,
  'hmac-auth': hmacAuthSchema,
  cors: corsSchema,
  'request-size-limiting': requestSizeLimitingSchema,
  'webhook-signature': webhookSignatureSchema,
  'standard-webhooks': standardWebhooksSchema,
  'rate-limiting': rateLimitingSchema,
  'request-transformer': requestTransformerSchema,
  'response-transformer': responseTransformerSchema,
  opentelemetry: openTelemetrySchema,
  prometheus: prometheusSchema,
  'ip-restriction': ipRestrictionSchema,
  'correlation-id': correlationIdSchema,
  'request-termination': requestTerminationSchema,
} as const satisfies PluginSchemas;

export type PluginName = keyof typeof pluginSchemas;
