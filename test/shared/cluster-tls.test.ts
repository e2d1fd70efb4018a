import { expect } from 'chai';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkServerName, loadClusterTls, logExpiry, type ClusterFiles } from '../../shared/cluster-tls.ts';
import { createLogger } from '../../shared/log.ts';
import { testCertificate, writePair, type TestCertificate } from '../helpers/test-certificates.ts';
import { tempFolder, type TempFolder } from '../helpers/temp-folder.ts';

describe('the certificates of the cluster', () => {
  let folder: TempFolder;
  let pair: TestCertificate;
  let files: ClusterFiles;
  beforeEach(async () => {
    folder = await tempFolder();
    pair = await testCertificate();
    files = { ...writePair(folder.path, 'pair', pair), ca: undefined, serverName: undefined };
  });
  afterEach(() => folder.remove());

  it('derive the key of the cache from the private key alone', async () => {
    const cacheKeyOf = (of: ClusterFiles) => loadClusterTls(of).cacheKeys[0] ?? Buffer.alloc(0);
    const cacheKey = cacheKeyOf(files);
    expect(cacheKey).to.have.length(32);
    expect(cacheKeyOf(files).equals(cacheKey)).to.equal(true);
    const other = { ...files, ...writePair(folder.path, 'other', await testCertificate()) };
    expect(cacheKeyOf(other).equals(cacheKey)).to.equal(false);
  });

  it('trust a second shared pair, whose key reads the cache too', async () => {
    const next = writePair(folder.path, 'next', await testCertificate());
    const alone = loadClusterTls({ ...files, ...next });
    const both = loadClusterTls({ ...files, next });
    expect(both.digest).to.equal(loadClusterTls(files).digest);
    expect(both.trustedDigests).to.deep.equal([both.digest, alone.digest]);
    expect(both.cacheKeys[1]?.equals(alone.cacheKeys[0] ?? Buffer.alloc(0))).to.equal(true);
  });

  const faults: readonly (readonly [string, (files: ClusterFiles) => Promise<ClusterFiles> | ClusterFiles, RegExp])[] =
    [
      ['a missing certificate', (good) => ({ ...good, cert: '/nowhere' }), /^cluster_cert: ENOENT/],
      ['a missing key', (good) => ({ ...good, key: '/nowhere' }), /^cluster_cert_key: ENOENT/],
      ['a missing CA', (good) => ({ ...good, ca: '/nowhere' }), /^cluster_ca: ENOENT/],
      ['a file that is no certificate', (good) => ({ ...good, cert: good.key }), /^cluster_cert: .* a certificate/],
      ['a file that is no key', (good) => ({ ...good, key: good.cert }), /^cluster_cert_key: .* private key/],
      ['a file that is no CA', (good) => ({ ...good, ca: good.key }), /^cluster_ca: .* a certificate/],
      [
        'the key of another certificate',
        async (good) => ({ ...good, key: writePair(folder.path, 'other', await testCertificate()).key }),
        /^cluster_cert_key: .* does not belong to/,
      ],
      [
        'a shared certificate that a CA issued',
        async (good) => {
          const issuer = await testCertificate({ name: 'ca', isCa: true });
          return { ...good, ...writePair(folder.path, 'issued', await testCertificate({ issuer })) };
        },
        /^cluster_cert: .* must be self-signed .* needs cluster_ca/,
      ],
    ];
  for (const [what, change, message] of faults) {
    it(`are refused with ${what}, without quoting it`, async () => {
      const changed = await change(files);
      let text = '';
      try {
        loadClusterTls(changed);
      } catch (error) {
        text = error instanceof Error ? error.message : '';
      }
      expect(text).to.match(message);
      expect(text).to.not.contain('BEGIN').and.not.contain(pair.keyPem.split('\n')[1]);
    });
  }

  it('must have the configured name when they are those of a control plane', async () => {
    const ca = await testCertificate({ name: 'ca', isCa: true });
    const own = writePair(folder.path, 'cp', await testCertificate({ issuer: ca, names: ['cp.example'] }));
    const caPath = writePair(folder.path, 'ca', ca).cert;
    const tls = (serverName: string | undefined) => loadClusterTls({ ...own, ca: caPath, serverName });
    expect(() => checkServerName(tls('cp.example'))).not.to.throw();
    expect(() => checkServerName(tls(undefined))).not.to.throw();
    expect(() => checkServerName(tls('other.example'))).to.throw(/^cluster_server_name: .*other\.example/);
  });

  const expiries: readonly (readonly [number, string | undefined])[] = [
    [31, undefined],
    [29, 'cluster_certificate_expires'],
    [-1, 'cluster_certificate_expired'],
  ];
  for (const [days, event] of expiries) {
    it(`are reported ${event ?? 'not at all'} ${days} days before their end`, async () => {
      const lines: string[] = [];
      const own = { ...files, ...writePair(folder.path, 'own', await testCertificate({ days })) };
      logExpiry(
        loadClusterTls(own),
        createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
      );
      expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).to.deep.equal(event ? [event] : []);
    });
  }

  it('may carry the chain behind the certificate', () => {
    const path = join(folder.path, 'chain.crt');
    writeFileSync(path, `${pair.certPem}\n${pair.certPem}\n`);
    expect(loadClusterTls({ ...files, cert: path }).digest).to.equal(loadClusterTls(files).digest);
    expect(statSync(files.key).mode & 0o777).to.equal(0o600);
  });
});
