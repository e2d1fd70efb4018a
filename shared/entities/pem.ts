import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';

const blockBegin = '-----BEGIN CERTIFICATE-----';
const blockEnd = '-----END CERTIFICATE-----';

/** Returns the certificates of a PEM text, the leaf first; undefined when there is none or one cannot be read. */
export function parseCertificates(text: string): readonly [X509Certificate, ...X509Certificate[]] | undefined {
  const parsed = certificateBlocks(text).map((block) => attempt(() => new X509Certificate(block)));
  const [first, ...others] = parsed.filter((certificate) => certificate !== undefined);
  return first === undefined || others.length + 1 < parsed.length ? undefined : [first, ...others];
}

/** Returns each block from its begin to the next end. A pattern would search for the same missing end at every begin. */
function certificateBlocks(text: string): string[] {
  const blocks: string[] = [];
  let begin = text.indexOf(blockBegin);
  while (begin !== -1) {
    const end = text.indexOf(blockEnd, begin);
    if (end === -1) break;
    const next = end + blockEnd.length;
    blocks.push(text.slice(begin, next));
    begin = text.indexOf(blockBegin, next);
  }
  return blocks;
}

/** Returns a private key in PEM without a passphrase; undefined when it cannot be read. */
export function parsePrivateKey(text: string): KeyObject | undefined {
  return attempt(() => createPrivateKey(text));
}

/** Returns the fault of a certificate, alone or the first of a chain. */
export function checkCertificate(text: string): string | undefined {
  return parseCertificates(text) === undefined ? 'invalid certificate: not a certificate in PEM' : undefined;
}

/** Returns the fault of a private key; it quotes nothing of the key. */
export function checkPrivateKey(text: string): string | undefined {
  return parsePrivateKey(text) === undefined ? 'invalid key: not a private key in PEM' : undefined;
}

/** Returns the fault of a public key in PEM. A private key is refused: it is a secret, and this field is no place for one. */
export function checkPublicKey(text: string): string | undefined {
  const isPublic = !text.includes('PRIVATE KEY-----') && attempt(() => createPublicKey(text)) !== undefined;
  return isPublic ? undefined : 'invalid key';
}

/** Returns undefined where OpenSSL throws: its reasons help nobody and may quote the text. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
