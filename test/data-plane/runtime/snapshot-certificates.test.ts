import { expect } from 'chai';
import { snapshotCertificates } from '../../../data-plane/runtime/snapshot-certificates.ts';
import { createSnapshot, type SnapshotEntities } from '../../../shared/snapshot.ts';
import { testCertificate, type TestCertificate } from '../../helpers/test-certificates.ts';

describe('the certificates of a snapshot', () => {
  let pair: TestCertificate;
  let other: TestCertificate;
  before(async () => {
    [pair, other] = await Promise.all([testCertificate(), testCertificate()]);
  });

  const of = (cert: string, key: string, env: Readonly<Record<string, string>> = {}) =>
    snapshotCertificates(
      createSnapshot({ certificates: [{ id: 'p', cert, key }], ca_certificates: [{ id: 'a', cert }] }),
      env,
    ).forOne().certificates;

  it('are found by their ids', () => {
    const certificates = of(pair.certPem, pair.keyPem);
    expect(certificates.pair('p')).to.deep.equal({ kind: 'found', value: { cert: pair.certPem, key: pair.keyPem } });
    expect(certificates.authority('a')).to.deep.equal({ kind: 'found', value: pair.certPem });
    for (const fault of [certificates.pair('a'), certificates.authority('p')]) {
      expect(fault).to.include({ kind: 'fault' });
      expect(JSON.stringify(fault)).to.match(/refers to a (CA )?certificate that is not there/);
    }
  });

  it('may be references that the node resolves', () => {
    const env = { CERT: pair.certPem, KEY: pair.keyPem };
    const certificates = of('{vault://env/CERT}', '{vault://env/KEY}', env);
    expect(certificates.pair('p')).to.deep.equal({ kind: 'found', value: { cert: pair.certPem, key: pair.keyPem } });
  });

  it('that this node cannot use are a fault that quotes nothing', () => {
    const cert = '{vault://env/CERT}';
    const key = '{vault://env/KEY}';
    const rows = [
      [{ CERT: pair.certPem }, /cannot resolve \{vault:\/\/env\/KEY\}: the node has no such variable/],
      [{ CERT: 'planted', KEY: pair.keyPem }, /the certificate is not PEM/],
      [{ CERT: pair.certPem, KEY: 'planted' }, /the certificate's key is not PEM/],
      [{ CERT: pair.certPem, KEY: other.keyPem }, /the certificate does not match its key/],
    ] as const;
    for (const [env, message] of rows) {
      const text = JSON.stringify(of(cert, key, env).pair('p'));
      expect(text).to.match(message);
      expect(text).to.contain('"fault"').and.not.contain('planted').and.not.contain('BEGIN');
    }
  });

  it('tell whether an instance was made from the same entities', () => {
    const certificate = { id: 'p', cert: pair.certPem, key: pair.keyPem };
    const authority = { id: 'a', cert: pair.certPem };
    const snapshotOf = (certificates: object[], authorities: object[]) =>
      snapshotCertificates(createSnapshot({ certificates, ca_certificates: authorities } as SnapshotEntities), {});
    const { certificates, madeFrom } = snapshotOf([certificate], [authority]).forOne();
    certificates.pair('p');
    certificates.authority('a');
    certificates.pair('not there');
    const rows: [object[], object[], boolean][] = [
      [[certificate], [authority], true],
      [[certificate, { ...certificate, id: 'q' }], [authority], true],
      [[{ ...certificate }], [authority], false],
      [[certificate], [{ ...authority }], false],
      [[], [authority], false],
    ];
    for (const [pairs, authorities, same] of rows) {
      expect(snapshotOf(pairs, authorities).areSame(madeFrom)).to.equal(same);
    }
  });
});
