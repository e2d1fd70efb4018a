import {
  standardWebhooksSchema,
  type StandardWebhooksConfig,
} from '../../../shared/plugin-schemas/standard-webhooks.ts';
import { standardSecretFault } from '../../../shared/plugin-schemas/webhook-signature.ts';
import { resolveReferences } from '../../../shared/vault.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';
import { schemes } from '../webhook-schemes/schemes.ts';
import { isSigned, isTimely, webhookKey, type WebhookKey } from '../webhook-schemes/verify.ts';

/** Lets webhooks pass that are signed as Standard Webhooks says; all others are 400. */
export const standardWebhooks: PluginDefinition<StandardWebhooksConfig> = {
  version: standardWebhooksSchema.version,
  priority: standardWebhooksSchema.priority,
  publishes: false,
  isTriable: true,
  create(stored, deps) {
    const { value: config, faults } = resolveReferences(standardWebhooksSchema.config, stored, deps.env);
    if (faults.length > 0) {
      return { kind: 'faults', faults: faults.map(({ path, message }) => ({ path: ['config', ...path], message })) };
    }
    const keys = keysOf(config.secret_v1);
    return {
      kind: 'created',
      instance: {
        async access(exchange) {
          const head = schemes.standard(exchange.headers);
          if (head === undefined || head.signatures.length === 0) return plainAnswer(exchange, 400, 'Bad request');
          const body = await exchange.readBody();
          const isValid = body.length > 0 && isSigned(head, body, keys);
          if (isValid && isTimely(head, config.tolerance_second, Date.now())) return undefined;
          return plainAnswer(exchange, 400, 'Bad request');
        },
      },
    };
  },
};

/** Kong signs with the text of the secret; senders of Standard Webhooks with the bytes that its base64 stands for. */
function keysOf(secret: string): readonly WebhookKey[] {
  const text: WebhookKey = { kind: 'hmac', secret: Buffer.from(secret) };
  return standardSecretFault(secret) === undefined ? [webhookKey('standard', secret), text] : [text];
}
