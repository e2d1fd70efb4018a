import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { createSelfSigned } from '../../shared/self-signed.ts';

describe('a self-signed certificate', () => {
  it('has the name, fits its key, and is valid for the requested days', async () => {
    const { certPem, keyPem } = await createSelfSigned('a.example', 2);
    const certificate = new X509Certificate(certPem);
    expect(certificate.checkHost('a.example')).to.equal('a.example');
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).to.equal(true);
    expect(certificate.verify(certificate.publicKey)).to.equal(true);
    const goodForMs = Date.parse(certificate.validTo) - Date.now();
    expect(goodForMs).to.be.within(1.9 * 86_400_000, 2 * 86_400_000);
    expect(Date.parse(certificate.validFrom)).to.be.lessThan(Date.now());
  });
});
