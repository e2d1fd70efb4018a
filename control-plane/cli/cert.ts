import { constants } from 'node:fs';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSelfSigned } from '../../shared/self-signed.ts';

const name = 'sluice-cluster';

/** `sluice cert`: writes the pair that control plane and data planes share. Resolves to the exit code. */
export async function certCommand({ out, days }: { readonly out: string; readonly days: number }): Promise<number> {
  const certPath = join(out, 'cluster.crt');
  const keyPath = join(out, 'cluster.key');
  for (const path of [certPath, keyPath]) {
    if (await exists(path)) {
      console.error(`${path} exists already and is left as it is`);
      return 1;
    }
  }
  const { certPem, keyPem } = await createSelfSigned(name, days);
  await mkdir(out, { recursive: true });
  // The key is written first and is never readable by others; without its certificate it is of no use.
  await writeFile(keyPath, keyPem, { mode: 0o600, flag: 'wx' });
  try {
    await writeFile(certPath, certPem, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    await rm(keyPath);
    throw error;
  }
  console.log(
    `${certPath} and ${keyPath}, good for ${days} days: settings cluster_cert and cluster_cert_key of both planes`,
  );
  return 0;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
