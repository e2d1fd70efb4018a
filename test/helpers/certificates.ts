import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

export interface TestPair {
  /** PEM */
  readonly cert: string;
  readonly key: string;
}

const algorithms = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
} as const;

const dayMs = 86_400_000;

/** A self-signed certificate with its key. `ends` is in days from now; `names` are those of a server. */
export async function makePair({
  type = 'ec',
  ca = false,
  ends = 1,
  names = [],
}: { type?: keyof typeof algorithms; ca?: boolean; ends?: number; names?: readonly string[] } = {}): Promise<TestPair> {
  const algorithm = algorithms[type];
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=test',
      notBefore: new Date(Date.now() - 10 * dayMs),
      notAfter: new Date(Date.now() + ends * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        ...(ca ? [new x509.BasicConstraintsExtension(true, undefined, true)] : []),
        ...(names.length === 0
          ? []
          : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))]),
      ],
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}
