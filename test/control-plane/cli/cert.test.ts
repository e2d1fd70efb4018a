import { expect } from 'chai';
import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadClusterTls } from '../../../shared/cluster-tls.ts';
import { runControlPlane, runDataPlane, runSluice } from '../../helpers/sluice-process.ts';
import { adminOk } from '../../helpers/admin.ts';
import { Closing } from '../../helpers/closing.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';

describe('sluice cert', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let folder: string;
  beforeEach(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
  });
  afterEach(() => closing.close());

  const cert = (...args: string[]) => {
    const running = runSluice(['cert', ...args]);
    return running.exited.then((code) => ({ code, output: running.output() }));
  };

  it('makes a pair that both planes take as it is', async () => {
    const out = join(folder, 'new', 'certs');
    expect((await cert('--out', out)).code).to.equal(0);
    const pair = [`--cluster-cert=${out}/cluster.crt`, `--cluster-cert-key=${out}/cluster.key`];
    expect(statSync(join(out, 'cluster.key')).mode & 0o777).to.equal(0o600);
    const controlPlane = await runControlPlane({ folder, args: pair });
    closing.add(() => controlPlane.stop());
    const node = await runDataPlane({ folder: join(folder, 'node'), controlPlane: controlPlane.cluster, args: pair });
    closing.add(() => node.stop());
    const { digest } = loadClusterTls({
      cert: join(out, 'cluster.crt'),
      key: join(out, 'cluster.key'),
      ca: undefined,
      serverName: undefined,
    });
    const [view] = await waitFor(
      async () => {
        const { data = [] } = await adminOk(controlPlane.admin, 'GET', '/clustering/data-planes');
        return data[0]?.['state'] === 'in_sync' && data;
      },
      { what: 'the node in sync' },
    );
    expect(view?.['cert_details']).to.include({ subject: 'CN=sluice-cluster', digest });
    expect(controlPlane.output() + node.output()).to.not.match(/warning/i);
  });

  it('is valid for the requested number of days', async () => {
    expect((await cert('--out', folder, '--days=7')).code).to.equal(0);
    const { validTo, subject, issuer } = new X509Certificate(readFileSync(join(folder, 'cluster.crt')));
    expect(subject).to.equal(issuer);
    const leftMs = Date.parse(validTo) - Date.now();
    expect(leftMs / 86_400_000).to.be.within(6.9, 7);
  });

  it('does not overwrite existing files', async () => {
    expect((await cert('--out', folder)).code).to.equal(0);
    const key = readFileSync(join(folder, 'cluster.key'), 'utf8');
    const { code, output } = await cert('--out', folder);
    expect(code).to.equal(1);
    expect(output).to.contain('cluster.crt exists already');
    rmSync(join(folder, 'cluster.crt'));
    expect((await cert('--out', folder)).code).to.equal(1);
    expect(readFileSync(join(folder, 'cluster.key'), 'utf8')).to.equal(key);
  });

  it('requires the folder to write to', async () => {
    expect((await cert()).code).to.equal(2);
  });

  it('makes pairs that do not mix: a node does not start, and the message names the setting', async () => {
    expect((await cert('--out', join(folder, 'a'))).code).to.equal(0);
    expect((await cert('--out', join(folder, 'b'))).code).to.equal(0);
    for (const role of ['--role=control_plane', '--role=data_plane']) {
      const running = runSluice([
        'start',
        role,
        ...(role === '--role=data_plane' ? ['--control-plane=127.0.0.1:1', `--data-dir=${folder}/x`] : []),
        `--cluster-cert=${folder}/a/cluster.crt`,
        `--cluster-cert-key=${folder}/b/cluster.key`,
      ]);
      expect(await running.exited).to.equal(1);
      expect(running.output()).to.contain(`cluster_cert_key ${folder}/b/cluster.key: the key in`);
    }
  });
});
