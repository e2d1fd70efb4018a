import { hkdfSync, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { readCertificate, readCertificatePair } from './certificate-files.ts';
import type { Logger } from './log.ts';

/** Files (PEM) of the settings cluster_cert, cluster_cert_key and cluster_ca, and cluster_server_name itself. */
export interface ClusterFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  /** A second pair that is trusted too, while pairs are changed. */
  readonly next?: { readonly cert: string; readonly key: string };
}

/** What a plane shows its peers and expects of them. */
export interface ClusterTls {
  /** `shared`: every peer holds this very certificate. `pki`: every peer's certificate chains to the CA. */
  readonly mode: 'shared' | 'pki';
  readonly certPem: Buffer;
  readonly keyPem: Buffer;
  /** What peers must chain to: the CA, or the shared certificate itself. */
  readonly trustedPem: Buffer;
  /** SHA-256 of our certificate: lower-case hex. */
  readonly digest: string;
  /** Name that the control plane's certificate must bear; pki only. */
  readonly serverName: string | undefined;
  readonly validToMs: number;
  /** 256 bits for data at rest, derived from the key: who has the pair can read it, nobody else. */
  readonly cacheKey: Buffer;
}

/** What the control plane shows of a node's certificate. */
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

/** Of a control plane: its own certificate must bear the name that its nodes are told to expect. */
export function checkServerName({ certPem, serverName }: ClusterTls): void {
  if (serverName === undefined || new X509Certificate(certPem).checkHost(serverName) !== undefined) return;
  throw new Error(`cluster_server_name: the certificate of cluster_cert does not bear the name ${serverName}`);
}

/** Says at the start what peers will hold against an expired certificate; the node goes on, since its cache serves. */
export function logExpiry({ digest, validToMs }: ClusterTls, logger: Logger): void {
  const leftMs = validToMs - Date.now();
  if (leftMs > expirySoonMs) return;
  const fields = { digest, expires: new Date(validToMs).toISOString() };
  if (leftMs > 0) logger.warn('cluster_certificate_expires', 'The certificate of cluster_cert expires soon', fields);
  else
    logger.error(
      'cluster_certificate_expired',
      'The certificate of cluster_cert has expired: no peer takes it',
      fields,
    );
}

/** Why a peer's certificate is not the shared one; undefined when it is. */
export function sharedFault({ digest }: ClusterTls, peer: PeerCertificate): string | undefined {
  if (peer.raw === undefined) return 'it shows no certificate';
  return digestOf(new X509Certificate(peer.raw)) === digest ? undefined : 'its certificate is not the shared one';
}

/** Undefined when the peer showed none. */
export function certificateDetails(peer: PeerCertificate | undefined): CertificateDetails | undefined {
  if (peer?.raw === undefined) return undefined;
  const certificate = new X509Certificate(peer.raw);
  return {
    digest: digestOf(certificate),
    // One name a line in Node.js.
    subject: certificate.subject.replaceAll('\n', ', '),
    validToMs: Date.parse(certificate.validTo),
  };
}

function digestOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}
