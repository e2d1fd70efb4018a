import { hkdfSync, type KeyObject, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { readCertificate, readCertificatePair } from './certificate-files.ts';
import type { Logger } from './log.ts';

/** The PEM files of the settings cluster_cert, cluster_cert_key and cluster_ca, and the setting cluster_server_name. */
export interface ClusterFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  /** A second pair that is trusted too, while pairs are changed. */
  readonly next?: { readonly cert: string; readonly key: string };
}

/** The certificate that a plane shows its peers, and what it expects of theirs. */
export interface ClusterTls {
  /** `shared`: every peer holds this same certificate. `pki`: every peer's certificate chains to the CA. */
  readonly mode: 'shared' | 'pki';
  readonly certPem: Buffer;
  readonly keyPem: Buffer;
  /** The certificates that peers must chain to: the CA, or the shared certificates themselves. */
  readonly trustedPem: Buffer;
  /** The SHA-256 of our certificate in lower-case hex. */
  readonly digest: string;
  /** The SHA-256 of every shared certificate that is trusted, ours included. */
  readonly trustedDigests: readonly string[];
  /** The name in the control plane's certificate; only in mode `pki`. */
  readonly serverName: string | undefined;
  readonly validToMs: number;
  /**
   * 256-bit keys for data at rest, derived from the private keys: only holders of a pair can read that data. The first
   * belongs to our pair and encrypts, the other one to the next pair.
   */
  readonly cacheKeys: readonly Buffer[];
}

/** The details of a node's certificate that the control plane shows. */
export interface CertificateDetails {
  readonly digest: string;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly validToMs: number;
}

const expirySoonMs = 30 * 86_400_000;
const cacheKeyBytes = 32;

/** Reads and checks the files. Throws an Error that names the setting at fault and quotes nothing of a file. */
export function loadClusterTls(files: ClusterFiles): ClusterTls {
  if (files.ca !== undefined) return pkiTls(files, files.ca);
  const own = sharedPair(files, 'cluster_cert', 'cluster_cert_key');
  const next = files.next && sharedPair(files.next, 'cluster_cert_next', 'cluster_cert_key_next');
  const pairs = next === undefined ? [own] : [own, next];
  return {
    mode: 'shared',
    certPem: own.certPem,
    keyPem: own.keyPem,
    // Both end with a line break or not, as their files do.
    trustedPem: Buffer.concat(pairs.flatMap(({ certPem }) => [certPem, Buffer.from('\n')])),
    digest: digestOf(own.certificate),
    trustedDigests: pairs.map(({ certificate }) => digestOf(certificate)),
    serverName: files.serverName,
    validToMs: Date.parse(own.certificate.validTo),
    cacheKeys: pairs.map(({ key }) => cacheKeyOf(key)),
  };
}

type Pair = ReturnType<typeof readCertificatePair>;

function pkiTls(files: ClusterFiles, ca: string): ClusterTls {
  if (files.next !== undefined) {
    throw new Error(
      'cluster_cert_next: a second pair is for shared pairs only; with cluster_ca, put the certificates of both CAs into its file and then replace cluster_cert',
    );
  }
  const { certPem, keyPem, certificate, key } = readCertificatePair(
    { setting: 'cluster_cert', path: files.cert },
    { setting: 'cluster_cert_key', path: files.key },
  );
  return {
    mode: 'pki',
    certPem,
    keyPem,
    trustedPem: readCertificate({ setting: 'cluster_ca', path: ca }).pem,
    digest: digestOf(certificate),
    trustedDigests: [],
    serverName: files.serverName,
    validToMs: Date.parse(certificate.validTo),
    cacheKeys: [cacheKeyOf(key)],
  };
}

function sharedPair({ cert, key }: { cert: string; key: string }, certSetting: string, keySetting: string): Pair {
  const pair = readCertificatePair({ setting: certSetting, path: cert }, { setting: keySetting, path: key });
  if (!pair.certificate.checkIssued(pair.certificate)) {
    throw new Error(
      `${certSetting}: a certificate that both planes share must be self-signed (\`sluice cert\` makes one); one that a CA issued needs cluster_ca`,
    );
  }
  return pair;
}

function cacheKeyOf(key: KeyObject): Buffer {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return Buffer.from(hkdfSync('sha256', der, '', 'sluice snapshot cache', cacheKeyBytes));
}

/** Checks that the control plane's own certificate bears cluster_server_name. Throws otherwise. */
export function checkServerName({ certPem, serverName }: ClusterTls): void {
  if (serverName === undefined || new X509Certificate(certPem).checkHost(serverName) !== undefined) return;
  throw new Error(`cluster_server_name: the certificate of cluster_cert does not bear the name ${serverName}`);
}

/** Logs at start that the certificate has expired or will soon. A node still starts, because it can serve from its cache. */
export function logExpiry({ digest, validToMs }: ClusterTls, logger: Logger): void {
  const leftMs = validToMs - Date.now();
  if (leftMs > expirySoonMs) return;
  const fields = { digest, expires: new Date(validToMs).toISOString() };
  if (leftMs > 0) logger.warn('cluster_certificate_expires', 'The certificate of cluster_cert expires soon', fields);
  else
    logger.error(
      'cluster_certificate_expired',
      'The certificate of cluster_cert has expired: every peer refuses it',
      fields,
    );
}

/** Says why a peer's certificate is not the shared one; undefined when it is. */
export function sharedFault({ trustedDigests }: ClusterTls, peer: PeerCertificate): string | undefined {
  if (peer.raw === undefined) return 'it shows no certificate';
  const isTrusted = trustedDigests.includes(digestOf(new X509Certificate(peer.raw)));
  return isTrusted ? undefined : 'its certificate is not the shared one';
}

/** Reads the details of a peer's certificate; undefined when the peer showed none. */
export function certificateDetails(peer: PeerCertificate | undefined): CertificateDetails | undefined {
  if (peer?.raw === undefined) return undefined;
  const certificate = new X509Certificate(peer.raw);
  return {
    digest: digestOf(certificate),
    // Node.js puts each name on a line of its own.
    subject: certificate.subject.replaceAll('\n', ', '),
    validToMs: Date.parse(certificate.validTo),
  };
}

function digestOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}
