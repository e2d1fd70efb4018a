import { rename, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** A document whose routes answer 503, since they have no service; all other paths are 404. */
const document = (...paths: readonly string[]) =>
  JSON.stringify({ _format_version: '3.0', routes: paths.map((path) => ({ name: path.slice(1), paths: [path] })) });

const statusOf = async (url: string) => (await fetch(url)).status;

describe('the configuration of a dbless node', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let folder: string;
  beforeEach(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
  });
  afterEach(() => closing.close());

  it('is loaded again when its file changes, whole or not at all', async () => {
    const path = `${folder}/config.json`;
    await writeFile(path, document('/first'));
    const node = await runDbless([`--declarative-config=${path}`, '--watch-config=true']);
    closing.add(() => node.stop());
    const events = (event: string) => node.lines.filter((line) => line.event === event).length;
    const waitForEvent = (event: string, count = 1) => node.line(() => events(event) >= count, 20_000);
    expect(await statusOf(`${node.proxy}/first`)).to.equal(503);

    await writeFile(path, document('/second'));
    await waitForEvent('config_reloaded');
    expect(await statusOf(`${node.proxy}/first`)).to.equal(404);
    expect(await statusOf(`${node.proxy}/second`)).to.equal(503);

    // Nothing of a document with a good and a bad route is applied.
    await writeFile(path, document('/third').replace('"paths"', '"paths":["bad"],"x"'));
    await waitForEvent('config_reload_failed');
    expect(node.lines.find(({ event }) => event === 'declarative_fault')?.['fault']).to.include('routes.1');
    expect(await statusOf(`${node.proxy}/second`)).to.equal(503);
    expect(await statusOf(`${node.proxy}/third`)).to.equal(404);
    const { declarative_config: told } = (await (await fetch(`${node.status}/status`)).json()) as {
      declarative_config: { reload_fault?: string };
    };
    expect(told.reload_fault).to.include('routes');

    await writeFile(`${path}.new`, document('/fourth'));
    await rename(`${path}.new`, path);
    await waitForEvent('config_reloaded', 2);
    expect(await statusOf(`${node.proxy}/fourth`)).to.equal(503);
    expect(await node.stop()).to.equal(0);
  });

  it('may come from a variable, and is in no log', async () => {
    const node = await runDbless([], { SLUICE_DECLARATIVE_CONFIG_TEXT: document('/from-variable') });
    closing.add(() => node.stop());
    expect(await statusOf(`${node.proxy}/from-variable`)).to.equal(503);
    expect(node.output()).to.not.include('from-variable');
    expect(await node.stop()).to.equal(0);
  });
});
