import { createHmac } from 'node:crypto';
import type { SchemeName } from '../../../../data-plane/plugins/webhook-schemes/schemes.ts';

export const standardSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** Any text will do for the others. */
export const plainSecret = 'a secret of the sender';

export interface SignOptions {
  readonly secret?: string;
  readonly id?: string;
  /** Seconds since 1970; now by default. */
  readonly timestamp?: number;
}

/** Makes the headers with which a sender signs a body. */
export function signHeaders(scheme: SchemeName, body: string, options: SignOptions = {}): string[] {
  const { id = 'msg_1', timestamp = Math.floor(Date.now() / 1000) } = options;
  const secret = options.secret ?? (scheme === 'standard' ? standardSecret : plainSecret);
  if (scheme === 'standard') {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    return ['webhook-id', id, 'webhook-timestamp', String(timestamp), 'webhook-signature', `v1,${signature}`];
  }
  if (scheme === 'stripe') return ['stripe-signature', `t=${timestamp},v1=${hex(secret, `${timestamp}.${body}`)}`];
  if (scheme === 'github') return ['x-hub-signature-256', `sha256=${hex(secret, body)}`];
  const signature = `v0=${hex(secret, `v0:${timestamp}:${body}`)}`;
  return ['x-slack-request-timestamp', String(timestamp), 'x-slack-signature', signature];
}

function hex(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}
