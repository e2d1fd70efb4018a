import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export type Values = Readonly<Record<string, unknown>>;

export function encoded(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** Signs as RFC 7515 says, with Node's own cryptography rather than the library that the plugin uses. */
export function signed(header: Values, claims: unknown, key: KeyObject | string | Buffer): string {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${signatureOf(String(header['alg']), input, key).toString('base64url')}`;
}

function signatureOf(algorithm: string, input: string, key: KeyObject | string | Buffer): Buffer {
  const digest = `sha${algorithm.slice(2)}`;
  if (typeof key === 'string' || Buffer.isBuffer(key)) return createHmac(digest, key).update(input).digest();
  const bytes = Buffer.from(input);
  if (algorithm === 'EdDSA') return sign(null, bytes, key);
  if (algorithm.startsWith('ES')) return sign(digest, bytes, { key, dsaEncoding: 'ieee-p1363' });
  // 6: RSA_PKCS1_PSS_PADDING; -1: a salt as long as the digest.
  return sign(digest, bytes, algorithm.startsWith('PS') ? { key, padding: 6, saltLength: -1 } : key);
}

export interface TestKeys {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

const made = new Map<string, TestKeys>();

/** A key pair for an algorithm; one of each kind, since RSA keys take long to make. */
export function keysFor(algorithm: string): TestKeys {
  const kind = algorithm.startsWith('RS') || algorithm.startsWith('PS') ? 'RSA' : algorithm;
  const known = made.get(kind);
  if (known !== undefined) return known;
  const { publicKey, privateKey } = pairOf(kind);
  const keys = { privateKey, publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
  made.set(kind, keys);
  return keys;
}

function pairOf(kind: string) {
  switch (kind) {
    case 'RSA':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ES512':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' });
    default:
      return generateKeyPairSync('ed25519');
  }
}
