import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { differenceLines } from '../../../../control-plane/cli/config/difference-lines.ts';
import { fileURLToPath } from 'node:url';
import type { ControlPlane } from '../../../../control-plane/main.ts';
import { startAdminOnly } from '../../../helpers/admin-only.ts';
import { freePort } from '../../../helpers/free-port.ts';
import { Closing } from '../../../helpers/closing.ts';
import { runSluice } from '../../../helpers/sluice-process.ts';
import { tempFolder } from '../../../helpers/temp-folder.ts';

const bin = fileURLToPath(new URL('../../../../control-plane/cli/sluice.js', import.meta.url));

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
      .and.match(/~ services shop \(.*\)\n {4}host: "shop.example" → "new.example"/);
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
    const lines = differenceLines({ created: 3, updated: 0, deleted: 1, unchanged: 0, changes });
    expect(lines).to.deep.equal(['+ services x', '… and 3 more', '3 to create, 0 to update, 1 to delete, 0 unchanged']);
  });

  it('shows old and new values by name, secrets masked, and says by its exit code that there is a difference', async () => {
    const withSecret = (host: string, password: string) => `
_format_version: "3.0"
services: [{name: shop, host: ${host}}]
plugins:
- name: kafka-upstream
  instance_name: orders
  config:
    bootstrap_servers: [{host: k, port: 9092}]
    topic: t
    authentication: {strategy: sasl, mechanism: PLAIN, user: u, password: ${password}}
`;
    const before = await file('before.yaml', withSecret('old.example', 'hush-1'));
    expect((await sluice('import', before, '--yes', ...admin)).code).to.equal(0);
    const same = await sluice('diff', before, '--exit-code', ...admin);
    expect(same.output).to.include('0 to update').and.include('2 unchanged');
    expect(same.code).to.equal(0);

    const after = await file('after.yaml', withSecret('new.example', 'hush-2'));
    const differs = await sluice('diff', after, '--exit-code', ...admin);
    expect(differs.output).to.match(/~ services shop \(.*\)\n {4}host: "old.example" → "new.example"/);
    expect(differs.output).to.match(/~ plugins orders \(.*\)\n {4}config.authentication.password: "\*{6}" → "\*{6}"/);
    expect(differs.output).to.not.include('hush-');
    expect(differs.code).to.equal(3);
    expect((await sluice('diff', after, ...admin)).code, 'without --exit-code').to.equal(0);

    const dry = await sluice('import', after, '--dry-run', ...admin);
    expect(dry.output).to.include('nothing was changed').and.include('new.example');
    expect(dry.code).to.equal(0);
    expect((await sluice('export', ...admin)).output).to.include('old.example');
  });

  it('takes several files, and standard input, as one configuration', async () => {
    const one = await file('one.yaml', '_format_version: "3.0"\nservices: [{name: a, host: a}]\n');
    const two = await file('two.json', '{"services":[{"name":"b","host":"b"}],"consumers":[{"username":"c"}]}');
    const { code, output } = await sluice('import', one, two, '--yes', ...admin);
    expect(output).to.include('+ services b (').and.include('+ consumers c (');
    expect(code).to.equal(0);
    const piped = execFile(process.execPath, [bin, 'config', 'diff', '-', '--exit-code', ...admin]);
    let printed = '';
    piped.stdout?.on('data', (text: string) => (printed += text));
    piped.stdin?.end(
      '{"_format_version":"3.0","services":[{"name":"a","host":"a"},{"name":"b","host":"c"}],"consumers":[{"username":"c"}]}',
    );
    const [status] = (await once(piped, 'close')) as [number | null];
    expect(printed).to.match(/~ services b \(.*\)\n {4}host: "b" → "c"/);
    expect(status).to.equal(3);
    const faulty = await sluice('validate', one, await file('three.yaml', 'services: [{host: 5}]\n'));
    expect(faulty.output).to.include('services.2.host: expected a string');
    const broken = await sluice('validate', one, await file('broken.yaml', 'a: b: c\n'));
    expect(broken.output).to.match(/broken\.yaml: .*line 1/);
  });

  it('replaces only what has a tag', async () => {
    const all = await file(
      'all.yaml',
      `_format_version: "3.0"
services:
- {name: theirs, host: theirs}
- {name: ours, host: ours, tags: [team], routes: [{name: r1, paths: [/r1], tags: [team]}, {name: r2, paths: [/r2], tags: [team]}]}
`,
    );
    expect((await sluice('import', all, '--yes', ...admin)).code).to.equal(0);
    const part = await file(
      'part.yaml',
      '_format_version: "3.0"\nservices: [{name: ours, host: moved, routes: [{name: r1, paths: [/r1]}]}]\n',
    );
    const diff = await sluice('diff', part, '--select-tag', 'team', ...admin);
    expect(diff.output)
      .to.include('- routes r2 (')
      .and.include('"ours" → "moved"')
      .and.include('1 to update, 1 to delete, 2 unchanged');
    const done = await sluice('import', part, '--select-tag', 'team', '--yes', ...admin);
    expect(done.code, done.output).to.equal(0);
    const exported = (await sluice('export', ...admin)).output;
    expect(exported).to.include('theirs').and.include('moved').and.not.include('/r2');
    const own = (await sluice('export', '--select-tag', 'team', ...admin)).output;
    expect(own).to.include('moved').and.not.include('theirs');
  });

  it('says what to do about a failure', async () => {
    const path = await file('good.yaml', good);
    const rows: readonly (readonly [what: string, args: readonly string[], advice: string])[] = [
      ['nothing listens', ['export', '--admin', `http://127.0.0.1:${await freePort()}`], 'SLUICE_ADMIN'],
      ['no host', ['export', '--admin', 'http://no-such-host.invalid:8001'], 'check the'],
      ['no URL', ['export', '--admin', 'localhost'], 'http://127.0.0.1:8001'],
      ['a wrong token', ['diff', path, ...admin.slice(0, 2), '--token', 'wrong'], 'SLUICE_ADMIN_TOKEN'],
      ['no file', ['diff', `${folder}/absent.yaml`, ...admin], 'there is no such file'],
      ['a folder', ['diff', folder, ...admin], 'name the files in it'],
    ];
    for (const [what, args, advice] of rows) {
      const { code, output } = await sluice(...args);
      expect(output, what).to.include(advice);
      expect(code, what).to.equal(1);
    }
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
    // Lines of standard error may come in between: the two pipes are read in any order.
    expect(first.output).to.match(/imported\n(?:.+\n)*none; nodes=0\n/);
    expect(first.code).to.equal(1);
    // Nothing is left to import, but still nobody runs it.
    const again = await sluice('import', path, '--wait', ...admin);
    expect(again.output).to.include('none; nodes=0').and.not.include('imported');
    expect(again.code).to.equal(1);
    expect((await sluice('import', path, '--wait', '--timeout=2m', ...admin)).output).to.include('400');
  });
});
