import { expect } from 'chai';
import type { ControlPlane } from '../../../control-plane/main.ts';
import { openDatabase } from '../../../control-plane/store/database.ts';
import { readDocument } from '../../../shared/declarative/read-document.ts';
import { createLogger } from '../../../shared/log.ts';
import { startAdminOnly } from '../../helpers/admin-only.ts';
import { Closing } from '../../helpers/closing.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const pluginId = '11111111-1111-4111-8111-111111111111';

function config(password: string): object {
  const authentication = { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password };
  return { topic: 't', bootstrap_servers: [{ host: 'k', port: 9092 }], authentication };
}

function plugin(password: string): object {
  return { name: 'kafka-upstream', config: config(password) };
}

describe('references that no node can resolve', function () {
  this.timeout(30_000);
  const closing = new Closing();
  let folder: TempFolder;
  let controlPlane: ControlPlane;

  async function call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://${controlPlane.addresses['admin']}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  beforeEach(async () => {
    folder = await tempFolder();
    closing.add(() => folder.remove());
    controlPlane = await startAdminOnly(folder.path);
    closing.add(() => controlPlane.stop());
  });
  afterEach(() => closing.close());

  const document = (password: string): object => ({ _format_version: '3.0', plugins: [plugin(password)] });
  const doors: readonly (readonly [
    title: string,
    method: string,
    path: string,
    body: (password: string) => unknown,
  ])[] = [
    ['POST', 'POST', '/plugins', plugin],
    ['PUT', 'PUT', `/plugins/${pluginId}`, plugin],
    ['the check of an entity', 'POST', '/schemas/plugins/validate', plugin],
    ['POST /config', 'POST', '/config', document],
    ['a dry run of POST /config', 'POST', '/config?dry_run=1', document],
  ];
  for (const [title, method, path, body] of doors) {
    it(`are refused by ${title}`, async () => {
      for (const reference of [
        '{vault://aws/x}',
        '{vault://env/}',
        '{vault://env/a/b/c}',
        '{vault://env/SLUICE_KEYRING}',
      ]) {
        const answer = await call(method, path, body(reference));
        expect(answer.status, answer.text).to.equal(400);
        expect(answer.text).to.contain('cannot be resolved by any node');
      }
      const good = await call(method, path, body('{vault://env/name/key}'));
      expect(good.status, good.text).to.be.below(300);
    });
  }

  it('are refused by a change of an entity', async () => {
    await call('PUT', `/plugins/${pluginId}`, plugin('{vault://env/P}'));
    const patch = { config: { authentication: { password: '{vault://aws/x}' } } };
    expect((await call('PATCH', `/plugins/${pluginId}`, patch)).status).to.equal(400);
  });

  it('are refused in the file of a node without a database', async () => {
    const bytes = new Uint8Array(new TextEncoder().encode(JSON.stringify(document('{vault://aws/x}'))));
    const outcome = await readDocument({ bytes, json: true });
    expect(outcome.kind).to.equal('faults');
    expect(JSON.stringify(outcome)).to.contain('cannot be resolved by any node');
  });

  it('stored by an older version are reported, and block only writes to their entity', async () => {
    await call('PUT', `/plugins/${pluginId}`, plugin('{vault://env/P}'));
    await controlPlane.stop();
    const database = openDatabase({ path: `${folder.path}/control-plane.db` });
    const changed = database.prepare("UPDATE plugins SET document = replace(document, 'env/P', 'aws/P')").run();
    database.close();
    expect(changed.changes).to.equal(1);

    const lines: string[] = [];
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) });
    controlPlane = await startAdminOnly(folder.path, { logger });
    const told = async () => (await call('GET', '/clustering/status')).text.includes(pluginId);
    await waitFor(told, { what: 'the entity is told' });
    const withheld = lines.find((line) => line.includes('"event":"entities_withheld"'));
    expect(withheld).to.include(pluginId).and.include('config.authentication.password');
    expect((await call('PATCH', `/plugins/${pluginId}`, { tags: ['a'] })).status).to.equal(400);
    expect((await call('PUT', '/services/other', { host: 'other.example' })).status).to.equal(200);
    const mended = { config: { authentication: { password: '{vault://env/P}' } } };
    expect((await call('PATCH', `/plugins/${pluginId}`, mended)).status).to.equal(200);
  });
});
