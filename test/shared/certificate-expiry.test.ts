import { expect } from 'chai';
import { Registry } from 'prom-client';
import { exposeCertificateExpiry } from '../../shared/certificate-expiry.ts';

describe('the expiry of certificates', () => {
  it('is a metric in seconds for each setting that is given', async () => {
    const metrics = new Registry();
    exposeCertificateExpiry(metrics, { cluster_cert: 1_800_000_000_500, admin_tls_cert: undefined });
    const lines = (await metrics.metrics()).split('\n').filter((line) => line.startsWith('sluice_'));
    expect(lines).to.deep.equal(['sluice_certificate_expiry_timestamp_seconds{setting="cluster_cert"} 1800000000.5']);
  });
});
