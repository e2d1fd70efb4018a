import { Gauge, type Registry } from 'prom-client';

/** Settings that name a certificate of this process. */
type CertificateSetting = 'admin_tls_cert' | 'cluster_cert';

/** Registers the gauge that tells when the certificates of settings expire; undefined ones are not set. */
export function exposeCertificateExpiry(
  metrics: Registry,
  validToMs: Readonly<Partial<Record<CertificateSetting, number | undefined>>>,
): void {
  const gauge = new Gauge({
    name: 'sluice_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of a setting expires, in seconds since 1970',
    labelNames: ['setting'],
    registers: [metrics],
  });
  for (const [setting, atMs] of Object.entries(validToMs)) {
    if (atMs !== undefined) gauge.set({ setting }, atMs / 1000);
  }
}
