import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface CertificatePair {
  readonly certPem: Buffer;
  readonly keyPem: Buffer;
  /** The first of the file; what follows is its chain. */
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** A setting and the file (PEM) that it names. */
export interface NamedFile {
  readonly setting: string;
  readonly path: string;
}

/** Reads a certificate and its key. Throws an Error that names the setting at fault and quotes nothing of a file. */
export function readCertificatePair(cert: NamedFile, keyFile: NamedFile): CertificatePair {
  const { pem: certPem, certificate } = readCertificate(cert);
  const keyPem = read(keyFile);
  const key = parse(keyFile, 'an unencrypted private key', () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key)) {
    throw new Error(
      `${keyFile.setting}: the key in ${keyFile.path} does not belong to the certificate in ${cert.path}`,
    );
  }
  return { certPem, keyPem, certificate, key };
}

/** Reads a certificate alone, as `readCertificatePair` does. */
export function readCertificate(file: NamedFile): { readonly pem: Buffer; readonly certificate: X509Certificate } {
  const pem = read(file);
  return { pem, certificate: parse(file, 'a certificate', () => new X509Certificate(pem)) };
}

function read({ setting, path }: NamedFile): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${setting}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function parse<T>({ setting, path }: NamedFile, what: string, work: () => T): T {
  try {
    return work();
  } catch {
    // OpenSSL's words name functions of its own; what is wrong is the file.
    throw new Error(`${setting}: the file ${path} does not hold ${what} (PEM)`);
  }
}
