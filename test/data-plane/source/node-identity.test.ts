import { expect } from 'chai';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadNodeIdentity } from '../../../data-plane/source/node-identity.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

describe('the identity of a node', () => {
  let folder: TempFolder;
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder.remove());

  it('keeps the node id in the data folder and makes a boot id for each process', () => {
    const dataDir = join(folder.path, 'new/folder');
    const first = loadNodeIdentity({ dataDir });
    const second = loadNodeIdentity({ dataDir });
    expect(second.nodeId).to.equal(first.nodeId);
    expect(second.bootId).to.not.equal(first.bootId);
    expect(statSync(join(dataDir, 'node-id')).mode & 0o777).to.equal(0o600);
  });

  it('throws when the file holds no id instead of making a new one', () => {
    writeFileSync(join(folder.path, 'node-id'), 'nonsense');
    expect(() => loadNodeIdentity({ dataDir: folder.path })).to.throw('does not hold a node id');
  });
});
