import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tempFolder, type TempFolder } from '../helpers/temp-folder.ts';

const root = join(dirname(fileURLToPath(import.meta.resolve('#proto/config_sync.proto'))), '..');

describe('generated types of the protocol', () => {
  let folder: TempFolder;
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder.remove());

  it('are what the generator makes of the .proto file', async function () {
    this.timeout(20_000);
    const packageJson = readFileSync(join(root, 'package.json'), 'utf8');
    const command = /"proto:types": "proto-loader-gen-types (?<args>[^"]+)"/.exec(packageJson)?.groups?.['args'] ?? '';
    const args = command.split(' ').map((arg) => (arg.startsWith('--outDir=') ? `--outDir=${folder.path}` : arg));
    const generator = join(root, 'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js');
    await promisify(execFile)(process.execPath, [generator, ...args], { cwd: root });
    expect(files(folder.path)).to.deep.equal(files(join(root, 'shared/generated')));
  });
});

function files(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]),
  );
}
