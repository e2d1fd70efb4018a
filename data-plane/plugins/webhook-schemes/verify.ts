import { createHmac, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { isSameSecret } from '../../plugin-api/constant-time.ts';
import type { SchemeName, SignedHead } from './schemes.ts';

/** A key that a signature may have been made with. */
export type WebhookKey =
  { readonly kind: 'hmac'; readonly secret: Buffer } | { readonly kind: 'ed25519'; readonly key: KeyObject };

/** Reads a secret of a scheme, which `standardSecretFault` found no fault with. */
export function webhookKey(scheme: SchemeName, secret: string): WebhookKey {
  if (scheme !== 'standard') return { kind: 'hmac', secret: Buffer.from(secret) };
  if (secret.startsWith('whpk_')) return { kind: 'ed25519', key: publicKey(secret.slice('whpk_'.length)) };
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret;
  return { kind: 'hmac', secret: Buffer.from(text, 'base64') };
}

function publicKey(text: string): KeyObject {
  const x = Buffer.from(text, 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

/** Returns whether one of the signatures is by one of the keys, over the body as it was received. */
export function isSigned({ prefix, signatures }: SignedHead, body: Buffer, keys: readonly WebhookKey[]): boolean {
  return keys.some((key) => {
    const ofKind = signatures.filter(({ kind }) => kind === key.kind);
    if (ofKind.length === 0) return false;
    if (key.kind === 'hmac') {
      const expected = createHmac('sha256', key.secret).update(prefix).update(body).digest();
      return ofKind.some(({ bytes }) => isSameSecret(bytes, expected));
    }
    const signed = Buffer.concat([Buffer.from(prefix), body]);
    return ofKind.some(({ bytes }) => verify(null, signed, key.key, bytes));
  });
}

/** Returns whether the time of a signature is near enough, in the past or in the future. */
export function isTimely({ timestamp }: SignedHead, toleranceS: number, nowMs: number): boolean {
  return timestamp === null || Math.abs(nowMs / 1000 - timestamp) <= toleranceS;
}
