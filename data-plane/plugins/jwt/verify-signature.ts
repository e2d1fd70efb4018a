import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { compactVerify, errors } from 'jose';
import type { JwtSecret } from '../../../shared/entities/jwt-secret.ts';

export type SignatureVerdict = 'valid' | 'invalid' | 'unusable key';

/** Compiles the check of signatures; the keys of credentials are read once. */
export function compileVerifySignature(
  isBase64: boolean,
): (token: string, credential: JwtSecret, algorithm: string) => Promise<SignatureVerdict> {
  const keys = new WeakMap<JwtSecret, KeyObject>();

  function keyOf(credential: JwtSecret, algorithm: string): KeyObject {
    const known = keys.get(credential);
    if (known !== undefined) return known;
    const { secret, rsa_public_key: publicKey } = credential;
    // A public key never serves as a secret: what everybody knows would sign.
    const key = algorithm.startsWith('HS')
      ? secretKey(Buffer.from(secret ?? '', isBase64 ? 'base64' : 'utf8'))
      : createPublicKey(publicKey ?? '');
    keys.set(credential, key);
    return key;
  }

  return async (token, credential, algorithm) => {
    try {
      await compactVerify(token, keyOf(credential, algorithm), { algorithms: [algorithm] });
      return 'valid';
    } catch (error) {
      // Anything but a fault of the token is one of the key: none, too short, or of another kind.
      return error instanceof errors.JOSEError ? 'invalid' : 'unusable key';
    }
  };
}

/** @throws for an empty secret, with which everybody can sign */
function secretKey(bytes: Buffer): KeyObject {
  if (bytes.length === 0) throw new Error('the secret is empty');
  return createSecretKey(bytes);
}
