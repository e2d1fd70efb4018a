import { readCertificatePair } from '../../shared/certificate-files.ts';
import type { TlsFiles } from '../../shared/http-port.ts';

/** Files (PEM) of a certificate and its key, as the settings name them. */
export interface AdminTlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The certificate of the Admin API, and when it expires. */
export interface AdminTls extends TlsFiles {
  readonly validToMs: number;
}

/** Reads the settings' certificate for HTTPS. Throws an Error that names the setting at fault. */
export function adminTlsOf({ cert, key }: AdminTlsFiles): AdminTls {
  const pair = readCertificatePair({ setting: 'admin_tls_cert', path: cert }, { setting: 'admin_tls_key', path: key });
  return { ...pair, validToMs: Date.parse(pair.certificate.validTo) };
}
