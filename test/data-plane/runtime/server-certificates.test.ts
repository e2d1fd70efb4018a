import { expect } from 'chai';
import { ServerCertificates } from '../../../data-plane/runtime/server-certificates.ts';
import { snapshotCertificates } from '../../../data-plane/runtime/snapshot-certificates.ts';
import { createSnapshot, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { makePair, type TestPair } from '../../helpers/certificates.ts';

describe('the certificates for server names', () => {
  const ids = ['exact', 'suffix', 'prefix', 'default'];
  let pairs: TestPair[];

  before(async () => {
    pairs = await Promise.all(ids.map(() => makePair()));
  });

  function certificatesOf(names: Readonly<Record<string, string>>, env = {}): ServerCertificates {
    const certificates: SnapshotEntity[] = ids.map((id, index) => ({ id, ...pairs[index] }));
    const snis = Object.entries(names).map(([name, id]): SnapshotEntity => ({ id: name, name, certificate: { id } }));
    const snapshot = createSnapshot({ certificates, snis });
    return new ServerCertificates(snapshot, snapshotCertificates(snapshot, env));
  }

  const all = { 'a.example.com': 'exact', '*.example.com': 'suffix', 'a.*': 'prefix', '*': 'default' };
  /** The name of the row that a server name finds. */
  function found(certificates: ServerCertificates, serverName: string): string | undefined {
    const context = certificates.contextFor(serverName);
    return Object.keys(all).find(
      (name) => context !== undefined && certificates.contextFor(probes[name] ?? '') === context,
    );
  }
  const probes: Readonly<Record<string, string>> = {
    'a.example.com': 'a.example.com',
    '*.example.com': 'probe.example.com',
    'a.*': 'a.probe',
    '*': 'probe',
  };

  for (const [serverName, row] of [
    ['a.example.com', 'a.example.com'],
    ['b.example.com', '*.example.com'],
    ['a.org', 'a.*'],
    ['b.org', '*'],
    ['', '*'],
    ['localhost', '*'],
  ] as const) {
    it(`of '${serverName}' is that of ${row}`, () => {
      expect(found(certificatesOf(all), serverName)).to.equal(row);
    });
  }

  it('is none where no name fits, or there are no names', () => {
    expect(certificatesOf({ 'a.example.com': 'exact' }).contextFor('b.example.com')).to.equal(undefined);
    expect(certificatesOf({}).contextFor('a.example.com')).to.equal(undefined);
  });

  it('is made once', () => {
    const certificates = certificatesOf(all);
    expect(certificates.contextFor('a.example.com')).to.equal(certificates.contextFor('a.example.com'));
  });

  it('is none where the node cannot resolve it: the fallback is shown', () => {
    const broken = createSnapshot({
      certificates: [{ id: 'c', cert: '{vault://env/none}', key: '{vault://env/none}' }],
      snis: [{ id: 's', name: 'a', certificate: { id: 'c' } }],
    });
    expect(new ServerCertificates(broken, snapshotCertificates(broken, {})).contextFor('a')).to.equal(undefined);
  });
});
