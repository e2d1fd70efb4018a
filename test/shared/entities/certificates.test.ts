import { expect } from 'chai';
import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { caCertificateEntity } from '../../../shared/entities/ca-certificate.ts';
import { certificateEntity } from '../../../shared/entities/certificate.ts';
import { checkEntity } from '../../../shared/entities/check-entity.ts';
import { jwtSecretEntity } from '../../../shared/entities/jwt-secret.ts';
import { sniEntity } from '../../../shared/entities/sni.ts';
import { makePair, type TestPair } from '../../helpers/certificates.ts';
import { checkTable } from './check-table.ts';

const id = '11111111-1111-4111-8111-111111111111';
const none: TestPair = { cert: '', key: '' };
const pairs = { ec: none, ec2: none, rsa: none, ca: none, expired: none };

before(async () => {
  pairs.ec = await makePair();
  pairs.ec2 = await makePair();
  pairs.rsa = await makePair({ type: 'rsa' });
  pairs.ca = await makePair({ ca: true });
  pairs.expired = await makePair({ ca: true, ends: -1 });
});

const badCert = 'invalid certificate: not a certificate in PEM';
const badKey = 'invalid key: not a private key in PEM';
const missing = 'required field missing';

describe('certificates', () => {
  const reference = '{vault://env/PEM}';
  checkTable(
    certificateEntity,
    () => ({ cert: pairs.ec.cert, key: pairs.ec.key }),
    () => [
      [{}, {}],
      [
        { cert: null, key: null },
        { cert: missing, key: missing },
      ],
      [{ cert: 'x' }, { cert: badCert }],
      [{ cert: `${pairs.ec.cert}\n${pairs.ca.cert}` }, {}],
      [{ cert: `${pairs.ec.cert}\n${pairs.ca.cert.replace('MI', 'XX')}` }, { cert: badCert }],
      [{ key: 'x' }, { key: badKey }],
      [{ key: pairs.ec.cert }, { key: badKey }],
      [{ key: pairs.ec2.key }, { '@entity': ['certificate does not match key'] }],
      [{ cert: reference, key: reference }, {}],
      [{ key: reference }, {}],
      [{ cert_alt: pairs.rsa.cert }, { '@entity': ["all or none of these fields must be set: 'cert_alt', 'key_alt'"] }],
      [{ cert_alt: pairs.rsa.cert, key_alt: pairs.rsa.key }, {}],
      [
        { cert_alt: 'x', key_alt: 'y' },
        { cert_alt: badCert, key_alt: badKey },
      ],
      [
        { cert_alt: pairs.rsa.cert, key_alt: pairs.ec.key },
        { '@entity': ['alternative certificate does not match key'] },
      ],
      [
        { cert_alt: pairs.ec2.cert, key_alt: pairs.ec2.key },
        {
          '@entity': [
            'certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), ' +
              'the provided certificates were both of the same type',
          ],
        },
      ],
    ],
  );

  it('quotes nothing of a key that it refuses', () => {
    const key = pairs.ec.key.replace('BEGIN PRIVATE', 'BEGIN PUBLIC');
    const checked = checkEntity({ entity: certificateEntity, plugins: {}, input: { cert: pairs.ec.cert, key } });
    expect(checked.kind === 'faults' && checked.faults).to.deep.equal([{ path: ['key'], message: badKey }]);
  });
});

describe('authorities', () => {
  checkTable(
    caCertificateEntity,
    () => ({ cert: pairs.ca.cert }),
    () => [
      [{}, {}],
      [{ cert: null }, { cert: missing }],
      [{ cert: 'x' }, { cert: badCert }],
      [{ cert: pairs.ca.cert + pairs.ca.cert }, { '@entity': ['please submit only one certificate at a time'] }],
      [
        { cert: pairs.expired.cert, created_at: Math.floor(Date.now() / 1000) },
        { '@entity': ['certificate expired, "Not After" time is in the past'] },
      ],
      [
        { cert: pairs.ec.cert },
        {
          '@entity': ['certificate does not appear to be a CA because it is missing the "CA" basic constraint'],
        },
      ],
    ],
  );

  it('stay as they are after they have expired: an export loads again, and their tags may change', () => {
    const { cert } = pairs.expired;
    const before = Math.floor(Date.parse(new X509Certificate(cert).validTo) / 1000) - 1;
    const check = (created_at: number) =>
      checkEntity({ entity: caCertificateEntity, plugins: {}, input: { cert, created_at, tags: ['old'] } }).kind;
    expect(check(before)).to.equal('ok');
    expect(check(before + 2)).to.equal('faults');
    // A time in the future is no excuse.
    expect(check(before + 1_000_000_000)).to.equal('faults');
  });

  it('have the digest of the certificate, whatever the body says', () => {
    const { cert } = pairs.ca;
    for (const given of [{}, { cert_digest: 'mine' }]) {
      const checked = checkEntity({ entity: caCertificateEntity, plugins: {}, input: { cert, ...given } });
      const digest = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
      expect(checked.kind === 'ok' && checked.value['cert_digest']).to.equal(digest);
    }
  });
});

describe('server names', () => {
  const wildcard = 'invalid wildcard: must be placed at leftmost or rightmost label';
  checkTable(
    sniEntity,
    () => ({ name: 'a.example', certificate: { id } }),
    () => [
      [{}, {}],
      [
        { name: null, certificate: null },
        { name: missing, certificate: missing },
      ],
      [{ name: '*.example.com' }, {}],
      [{ name: 'example.*' }, {}],
      [{ name: '*' }, { name: wildcard }],
      [{ name: 'a*.example' }, { name: wildcard }],
      [{ name: '*.a.*' }, { name: 'invalid wildcard: must have at most one wildcard' }],
      [{ name: '10.0.0.1' }, { name: 'must not be an IP' }],
      [{ name: 'a:443' }, { name: 'must not have a port' }],
      [{ name: 'a b' }, { name: 'invalid value: a b' }],
    ],
  );
});

describe('public keys of jwt secrets', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  it('are read', () => {
    expect(createPublicKey(pem).asymmetricKeyType).to.equal('ec');
    const input = { consumer: { id }, algorithm: 'ES256', rsa_public_key: pem };
    expect(checkEntity({ entity: jwtSecretEntity, plugins: {}, input }).kind).to.equal('ok');
  });

  it('are no private keys', () => {
    const input = {
      consumer: { id },
      algorithm: 'ES256',
      rsa_public_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    const checked = checkEntity({ entity: jwtSecretEntity, plugins: {}, input });
    expect(checked.kind === 'faults' && checked.faults).to.deep.equal([
      { path: ['rsa_public_key'], message: 'invalid key' },
    ]);
  });
});
