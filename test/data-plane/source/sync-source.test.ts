import { configSourceContract } from '../../contracts/config-source-contract.ts';
import { SyncHarness } from '../../helpers/sync-harness.ts';

configSourceContract('the stream of a control plane', async () => {
  const harness = await SyncHarness.open();
  await harness.startControlPlane();
  return {
    source: harness.node(),
    publish: (entities) => void harness.reader.set(entities),
    close: () => harness.close(),
  };
});
