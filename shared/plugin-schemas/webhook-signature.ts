import { array, element, integer, record, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { isReference } from '../vault-reference.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { recordCheck } from './record-checks.ts';

const dayS = 86_400;

const fields = {
  scheme: string({
    required: true,
    oneOf: ['standard', 'stripe', 'github', 'slack'],
    description: 'How senders sign: Standard Webhooks, or as Stripe, GitHub or Slack do.',
  }),
  secrets: array(string({ ...element, referenceable: true, encrypted: true }), {
    required: true,
    lenMin: 1,
    lenMax: 10,
    description:
      'Secrets that are shared with the sender; a signature of any will do. Standard Webhooks: `whsec_…`, or a public key `whpk_…`.',
  }),
  tolerance: integer({
    required: true,
    default: 300,
    between: [1, dayS],
    description:
      'How far the time of a signature may be from now, in the past and in the future (s). GitHub signs none.',
  }),
  replay_window: integer({
    required: true,
    default: 0,
    between: [0, 30 * dayS],
    description: 'Time for which a node answers a repeated id without writing it again (s); 0: not at all.',
  }),
  replay_max: integer({
    required: true,
    default: 100_000,
    between: [1, 1_000_000],
    description: 'Ids that a node remembers at most.',
  }),
  consumer: string({ description: 'Id or username of the consumer for whom a valid signature stands.' }),
} as const;

export type WebhookSignatureConfig = InferFields<typeof fields>;

/** GitHub's and Slack's ids are not signed: a sender of copies could choose others. */
const withSignedIds: readonly string[] = ['standard', 'stripe'];

function checkScheme({ scheme, secrets, replay_window: window }: WebhookSignatureConfig): FieldFault[] {
  const faults: FieldFault[] = [];
  if (window > 0 && !withSignedIds.includes(scheme)) {
    faults.push({ path: ['replay_window'], message: `must be 0: the scheme '${scheme}' signs no id` });
  }
  if (scheme !== 'standard') return faults;
  for (const [index, secret] of secrets.entries()) {
    const message = isReference(secret) ? undefined : standardSecretFault(secret);
    if (message !== undefined) faults.push({ path: ['secrets', index], message });
  }
  return faults;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const publicKeyBytes = 32;

/** Says what is wrong with a secret of Standard Webhooks, without quoting it. */
export function standardSecretFault(secret: string): string | undefined {
  const isPublic = secret.startsWith('whpk_');
  const text = isPublic || secret.startsWith('whsec_') ? secret.slice(secret.indexOf('_') + 1) : secret;
  if (text === '' || !base64.test(text)) return "expected 'whsec_' or 'whpk_' and base64";
  if (isPublic && Buffer.from(text, 'base64').length !== publicKeyBytes) {
    return `expected a public key of ${publicKeyBytes} bytes (Ed25519)`;
  }
  return undefined;
}

/** Lets signed webhooks pass alone. */
export const webhookSignatureSchema: PluginSchema<WebhookSignatureConfig> = {
  name: 'webhook-signature',
  version: '0.1.0',
  priority: 1240,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route'],
  requiredToUnderstand: true,
  config: record(fields, { required: true, checks: [recordCheck(fields, checkScheme)] }),
};
