import { randomBytes, webcrypto } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const name = 'sluice-cluster';
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
// The clocks of the machines may differ by minutes.
const skewMs = 60 * 60_000;

/** `sluice cert`: writes the pair that control plane and data planes share. Resolves to the exit code. */
export async function certCommand({ out, days }: { readonly out: string; readonly days: number }): Promise<number> {
  const certPath = join(out, 'cluster.crt');
  const keyPath = join(out, 'cluster.key');
  for (const path of [certPath, keyPath]) {
    if (await exists(path)) {
      console.error(`${path} exists already and is left as it is`);
      return 1;
    }
  }
  const { certPem, keyPem } = await createClusterCertificate(days);
  await mkdir(out, { recursive: true });
  // The key is written first and is never readable by others; without its certificate it is of no use.
  await writeFile(keyPath, keyPem, { mode: 0o600, flag: 'wx' });
  try {
    await writeFile(certPath, certPem, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    await rm(keyPath);
    throw error;
  }
  console.log(
    `${certPath} and ${keyPath}, good for ${days} days: settings cluster_cert and cluster_cert_key of both planes`,
  );
  return 0;
}

async function createClusterCertificate(days: number): Promise<{ certPem: string; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const nowMs = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // RFC 5280 demands a positive number.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    name: `CN=${name}`,
    notBefore: new Date(nowMs - skewMs),
    notAfter: new Date(nowMs + days * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: `${PemConverter.encode(key, 'PRIVATE KEY')}\n` };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
