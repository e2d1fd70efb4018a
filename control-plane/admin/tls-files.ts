import { readCertificatePair } from '../../shared/certificate-files.ts';

/** Files (PEM) of a certificate and its key, for HTTPS. */
export interface AdminTlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Throws, with the setting's name, when they cannot be used. */
export function readAdminTls({ cert, key }: AdminTlsFiles) {
  return readCertificatePair({ setting: 'admin_tls_cert', path: cert }, { setting: 'admin_tls_key', path: key });
}
