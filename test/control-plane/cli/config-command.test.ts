import { expect } from 'chai';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { summaryLines } from '../../../control-plane/cli/config-command.ts';
import type { ControlPlane } from '../../../control-plane/main.ts';
import { startAdminOnly } from '../../helpers/admin-only.ts';
import { Closing } from '../../helpers/closing.ts';
import { runSluice } from '../../helpers/sluice-process.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

const good = `
_format_version: "3.0"
services:
- name: shop
  host: shop.example
  routes:
  - name: orders
    paths: [/orders]
`;

describe('sluice config', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let folder: string;
  let controlPlane: ControlPlane;
  let admin: string[];

  async function sluice(...args: string[]): Promise<{ code: number | null; output: string }> {
    const running = runSluice(['config', ...args]);
    const code = await running.exited;
    return { code, output: running.output() };
  }

  async function file(name: string, text: string): Promise<string> {
    await writeFile(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  }

  before(async () => {
    const temp = await tempFolder();
    folder = temp.path;
    closing.add(() => temp.remove());
    controlPlane = await startAdminOnly(folder, { adminToken: 'secret-token' });
    closing.add(() => controlPlane.stop());
    admin = ['--admin', `http://${controlPlane.addresses['admin']}`, '--token', 'secret-token'];
  });
  after(() => closing.close());

  it('validates a good file', async () => {
    const { code, output } = await sluice('validate', await file('good.yaml', good));
    expect(output).to.include('no faults');
    expect(code).to.equal(0);
  });

  it('prints every fault with its path', async () => {
    const bad = `_format_version: "3.0"\nservices:\n- name: a\n  routes:\n  - paths: [orders]\nother: 1\n`;
    const { code, output } = await sluice('validate', await file('bad.yaml', bad));
    expect(output).to.include('services.1.host: required field missing\n');
    expect(output).to.include('services.1.routes.1.paths.1: should start with: /');
    expect(output).to.include('other: unknown field\n').and.include('3 faults');
    expect(code).to.equal(1);
  });

  it('refuses references that no node can resolve, with their paths', async () => {
    const text = (reference: string) =>
      `_format_version: "3.0"\nplugins:\n- name: kafka-upstream\n  config:\n    bootstrap_servers: [{host: k, port: 9092}]\n    topic: t\n    authentication: {strategy: sasl, mechanism: PLAIN, user: u, password: "${reference}"}\n`;
    for (const reference of [
      '{vault://aws/x}',
      '{vault://env/}',
      '{vault://env/a/b/c}',
      '{vault://env/SLUICE_KEYRING}',
    ]) {
      const { code, output } = await sluice('validate', await file('reference.yaml', text(reference)));
      expect(output, reference).to.include('plugins.1.config.authentication.password: ');
      expect(code, reference).to.equal(1);
    }
    expect(await sluice('validate', await file('reference.yaml', text('{vault://env/name/key}')))).to.include({
      code: 0,
    });
  });

  it('says what is wrong with a file that cannot be read', async () => {
    expect(await sluice('validate', `${folder}/absent.yaml`)).to.include({ code: 1 });
    const { code, output } = await sluice('validate', await file('broken.yaml', 'a: b: c\n'));
    expect(output).to.include('line 1, column 5');
    expect(code).to.equal(1);
  });

  it('imports, exports what loads again unchanged, and deletes only when told to', async () => {
    const first = await sluice('import', await file('good.yaml', good), ...admin);
    expect(first.output).to.include('+ services shop (').and.include('+ routes orders (').and.include('imported');
    expect(first.output).to.include('2 to create, 0 to update, 0 to delete, 0 unchanged');
    expect(first.code).to.equal(0);

    for (const name of ['export.yaml', 'export.json']) {
      expect((await sluice('export', `${folder}/${name}`, ...admin)).code).to.equal(0);
      expect((await stat(`${folder}/${name}`)).mode & 0o777).to.equal(0o600);
      const again = await sluice('import', `${folder}/${name}`, ...admin);
      expect(again.output).to.include('0 to create, 0 to update, 0 to delete, 2 unchanged');
      expect(again.code).to.equal(0);
    }
    expect(JSON.parse(await readFile(`${folder}/export.json`, 'utf8'))).to.include({ _format_version: '3.0' });
    expect((await sluice('export', ...admin)).output).to.include('shop.example');

    const less = await file('less.yaml', '_format_version: "3.0"\nservices: [{name: shop, host: new.example}]\n');
    const refused = await sluice('import', less, ...admin);
    expect(refused.output)
      .to.include('- routes orders (')
      .and.match(/~ services shop \(.*\): .*host/);
    expect(refused.output).to.include('Say --yes').and.not.include('imported');
    expect(refused.code).to.equal(1);
    expect((await sluice('export', ...admin)).output).to.include('/orders');

    const told = await sluice('import', less, '--yes', ...admin);
    expect(told.output).to.include('imported');
    expect(told.code).to.equal(0);
    expect((await sluice('export', ...admin)).output)
      .to.include('new.example')
      .and.not.include('/orders');
  });

  it('says why nothing was done', async () => {
    const path = await file('good.yaml', good);
    const away = await sluice('export', '--admin', 'http://127.0.0.1:1');
    expect(away.output).to.include('http://127.0.0.1:1: ');
    expect(away.code).to.equal(1);
    const stranger = await sluice('import', path, ...admin.slice(0, 2), '--token', 'wrong');
    expect(stranger.output).to.include('401');
    expect(stranger.code).to.equal(1);
    const bad = await sluice('import', await file('bad.yaml', '_format_version: "3.0"\nservices: [{}]\n'), ...admin);
    expect(bad.output).to.include('services.1.host: required field missing');
    expect(bad.code).to.equal(1);
  });

  it('says how many changes of a long difference it does not list', () => {
    const changes = [{ action: 'create', entity: 'services', id: 'x' }] as const;
    const summary = { created: 3, updated: 0, deleted: 1, unchanged: 0, changes };
    const counts = '3 to create, 0 to update, 1 to delete, 0 unchanged';
    expect(summaryLines(summary)).to.deep.equal(['+ services x', '… and 3 more', counts]);
  });

  it('shows what an operator should mend', async () => {
    const plugin = (route: string, name: string) =>
      `- {name: kafka-log, route: ${route}, config: {topic: t, cluster_name: ${name}, bootstrap_servers: [{host: k, port: 1}]}}\n`;
    const text = `_format_version: "3.0"\nroutes: [{name: a, paths: [/a]}, {name: b, paths: [/b]}]\nplugins:\n`;
    const path = await file('names.yaml', `${text}${plugin('a', 'z')}${plugin('b', 'm')}`);
    const { code, output } = await sluice('import', path, '--yes', ...admin);
    expect(output).to.include("Warning: one Kafka cluster has several names ('m', 'z')");
    expect(code).to.equal(0);
  });

  it('waits for the nodes when told to, and fails where there are none', async () => {
    const path = await file('waited.yaml', good.replace('/orders', '/waited'));
    const first = await sluice('import', path, '--yes', '--wait', '--timeout=5s', ...admin);
    expect(first.output).to.match(/imported\nnone; nodes=0\n/);
    expect(first.code).to.equal(1);
    // Nothing is left to import, but still nobody runs it.
    const again = await sluice('import', path, '--wait', ...admin);
    expect(again.output).to.include('none; nodes=0').and.not.include('imported');
    expect(again.code).to.equal(1);
    expect((await sluice('import', path, '--wait', '--timeout=2m', ...admin)).output).to.include('400');
  });
});
