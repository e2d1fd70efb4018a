import { expect } from 'chai';
import * as fc from 'fast-check';
import { parseCertificates } from '../../../shared/entities/pem.ts';
import { makePair } from '../../helpers/certificates.ts';

describe('certificates in PEM', () => {
  const begin = '-----BEGIN CERTIFICATE-----\n';

  it('are those between a begin and the next end, wherever they stand', async () => {
    const { cert } = await makePair();
    const piece = fc.constantFrom(cert, begin, '-----END CERTIFICATE-----\n', '\n', '# the leaf\n', '-----BEGIN ');
    const run = fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const text = pieces.join('');
      const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
      // A begin within a block, or a block without content, is none that can be read.
      const good = blocks.every((block) => block === cert.trim());
      expect(parseCertificates(text)?.length).to.equal(good && blocks.length > 0 ? blocks.length : undefined);
    });
    fc.assert(run, { numRuns: 200 });
  });

  it('are looked for in one pass: many begins without an end do not hold up others', function () {
    // In a pass for each of them this takes half an hour.
    this.timeout(10_000);
    expect(parseCertificates(begin.repeat(250_000))).to.equal(undefined);
  });
});
