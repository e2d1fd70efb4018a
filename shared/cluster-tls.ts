import { hkdfSync, X509Certificate } from 'node:crypto';
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
  /** The certificate that peers must chain to: the CA, or the shared certificate itself. */
  readonly trustedPem: Buffer;
  /** The SHA-256 of our certificate in lower-case hex. */
  readonly digest: string;
  /** The name in the control plane's certificate; only in mode `pki`. */
  readonly serverName: string | undefined;
  readonly validToMs: number;
  /** A 256-bit key for data at rest, derived from the private key: only holders of the pair can read that data. */
  readonly cacheKey: Buffer;
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
  const { certPem, keyPem, certificate, key } = readCertificatePair(
    { setting: 'cluster_cert', path: files.cert },
    { setting: 'cluster_cert_key', path: files.key },
  );
  if (files.ca === undefined && !certificate.checkIssued(certificate)) {
    throw new Error(
      'cluster_cert: a certificate that both planes share must be self-signed (`sluice cert` makes one); one that a CA issued needs cluster_ca',
    );
  }
  const caPem = files.ca === undefined ? undefined : readCertificate({ setting: 'cluster_ca', path: files.ca }).pem;
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return {
    mode: caPem === undefined ? 'shared' : 'pki',
    certPem,
    keyPem,
    trustedPem: caPem ?? certPem,
    digest: digestOf(certificate),
    serverName: files.serverName,
    validToMs: Date.parse(certificate.validTo),
    cacheKey: Buffer.from(hkdfSync('sha256', der, '', 'sluice snapshot cache', cacheKeyBytes)),
  };
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
export function sharedFault({ digest }: ClusterTls, peer: PeerCertificate): string | undefined {
  if (peer.raw === undefined) return 'it shows no certificate';
  return digestOf(new X509Certificate(peer.raw)) === digest ? undefined : 'its certificate is not the shared one';
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
