import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { createTlsAcceptor } from '../../../data-plane/proxy/tls-acceptor.ts';
import { ServerCertificates } from '../../../data-plane/runtime/server-certificates.ts';
import { snapshotCertificates } from '../../../data-plane/runtime/snapshot-certificates.ts';
import { createPacer } from '../../../shared/pacer.ts';
import { createSnapshot, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { makePair, type TestPair } from '../../helpers/certificates.ts';

describe('the certificates for server names', () => {
  const ids = ['exact', 'suffix', 'prefix', 'default'];
  let pairs: TestPair[];

  before(async () => {
    pairs = await Promise.all(ids.map(() => makePair()));
  });

  const create = (entities: Parameters<typeof createSnapshot>[0], env = {}) => {
    const snapshot = createSnapshot(entities);
    return ServerCertificates.create(snapshot, snapshotCertificates(snapshot, env), createPacer());
  };

  function certificatesOf(names: Readonly<Record<string, string>>): Promise<ServerCertificates> {
    const certificates: SnapshotEntity[] = ids.map((id, index) => ({ id, ...pairs[index] }));
    const snis = Object.entries(names).map(([name, id]): SnapshotEntity => ({ id: name, name, certificate: { id } }));
    return create({ certificates, snis });
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
    it(`of '${serverName}' is that of ${row}`, async () => {
      expect(found(await certificatesOf(all), serverName)).to.equal(row);
    });
  }

  it('is none where no name fits, or there are no names', async () => {
    expect((await certificatesOf({ 'a.example.com': 'exact' })).contextFor('b.example.com')).to.equal(undefined);
    expect((await certificatesOf({})).contextFor('a.example.com')).to.equal(undefined);
  });

  it('is made once, also over configurations that leave it alone', async () => {
    const [pair] = pairs;
    const certificate: SnapshotEntity = { id: 'c', ...pair };
    const sni = (name: string): SnapshotEntity => ({ id: name, name, certificate: { id: 'c' } });
    const first = await create({ certificates: [certificate], snis: [sni('a')] });
    const second = await create({ certificates: [certificate], snis: [sni('a'), sni('b')] });
    const context = first.contextFor('a');
    expect(context).to.not.equal(undefined);
    expect(first.contextFor('a')).to.equal(context);
    expect(second.contextFor('b')).to.equal(context);
  });

  const named = [{ id: 's', name: 'a', certificate: { id: 'c' } }];
  const broken: readonly (readonly [what: string, certificate: SnapshotEntity, says: RegExp])[] = [
    ['a variable that is not there', { id: 'c', cert: '{vault://env/none}', key: '{vault://env/none}' }, /none/],
    ['a text that is no certificate', { id: 'c', cert: '{vault://env/TEXT}', key: '{vault://env/TEXT}' }, /PEM/],
  ];
  for (const [what, certificate, says] of broken) {
    it(`is a fault for ${what}, where a server name refers to it`, async () => {
      const certificates = [certificate];
      const { faults } = await create({ certificates, snis: named }, { TEXT: 'text' });
      expect(faults).to.have.length(1);
      expect(faults[0]).to.include({ entityType: 'certificate', entityId: 'c' });
      expect(faults[0]?.message).to.match(says);
      expect((await create({ certificates: [{ ...certificate }] })).faults).to.deep.equal([]);
    });
  }

  it('is a fault where the alternative does not fit its key', async () => {
    const [first, second, third] = pairs;
    const certificate = { id: 'c', ...first, cert_alt: second?.cert ?? '', key_alt: third?.key ?? '' };
    const { faults } = await create({ certificates: [certificate], snis: named });
    expect(faults[0]?.message).to.include('does not match its key');
  });

  it('is of the type that the client takes: RSA or ECDSA', async () => {
    const [ec] = pairs;
    const rsa = await makePair({ type: 'rsa' });
    const certificate = { id: 'c', ...ec, cert_alt: rsa.cert, key_alt: rsa.key };
    const certificates = await create({ certificates: [certificate], snis: named });
    const accept = createTlsAcceptor(
      { contextFor: (name) => certificates.contextFor(name), fallback: await makePair() },
      (_raw, socket) => socket.on('error', () => undefined),
    );
    const server = createServer({ allowHalfOpen: true }, accept);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      for (const [sigalgs, expected] of [
        ['ECDSA+SHA256', ec?.cert],
        ['RSA-PSS+SHA256:RSA+SHA256', rsa.cert],
      ]) {
        const { port } = server.address() as AddressInfo;
        const socket = connect({ host: '127.0.0.1', port, servername: 'a', rejectUnauthorized: false, sigalgs });
        await once(socket, 'secureConnect');
        expect(socket.getPeerX509Certificate()?.fingerprint256, sigalgs).to.equal(
          new X509Certificate(expected ?? '').fingerprint256,
        );
        socket.destroy();
      }
    } finally {
      server.close();
    }
  });
});
