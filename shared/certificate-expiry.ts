import { Gauge, type Registry } from 'prom-client';

/** Settings that name a certificate of this process. */
type CertificateSetting = 'admin_tls_cert' | 'cluster_cert';

const name = 'sluice_certificate_expiry_timestamp_seconds';

/**
 * Tells by a gauge when the certificates of settings expire; undefined ones are not set. Both planes of one process share
 * the gauge.
 */
export function exposeCertificateExpiry(
  metrics: Registry,
  validToMs: Readonly<Partial<Record<CertificateSetting, number | undefined>>>,
): void {
  const known = metrics.getSingleMetric(name);
  const gauge = known instanceof Gauge ? known : createGauge(metrics);
  for (const [setting, atMs] of Object.entries(validToMs)) {
    if (atMs !== undefined) gauge.set({ setting }, atMs / 1000);
  }
}

function createGauge(metrics: Registry): Gauge {
  return new Gauge({
    name,
    help: 'When the certificate of a setting expires, in seconds since 1970',
    labelNames: ['setting'],
    registers: [metrics],
  });
}
