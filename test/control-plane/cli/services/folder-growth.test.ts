import { expect } from 'chai';
import { mkdir, writeFile } from 'node:fs/promises';
import { tellGrowth } from '../../../../control-plane/cli/services/folder-growth.ts';
import { tempFolder } from '../../../helpers/temp-folder.ts';
import { waitFor } from '../../../helpers/wait-for.ts';

describe('the growth of folders', function () {
  this.timeout(20_000);

  it('is told in megabytes while bytes come, beyond what was there before', async () => {
    const folder = await tempFolder();
    await writeFile(`${folder.path}/before`, Buffer.alloc(5_000_000));
    const told: string[] = [];
    const end = tellGrowth({
      folders: [folder.path, `${folder.path}/none`],
      bytesExpected: 10_000_000,
      what: 'Kafka',
      tell: (message) => told.push(message),
    });
    try {
      await mkdir(`${folder.path}/inner`);
      // The first look has to be over before more comes.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await writeFile(`${folder.path}/inner/part`, Buffer.alloc(2_500_000));
      await waitFor(() => told.length > 0, { what: 'the first message', timeoutMs: 10_000 });
      expect(told[0]).to.match(/^Kafka: [23] of about 10 MB$/);
    } finally {
      end();
      await folder.remove();
    }
  });
});
