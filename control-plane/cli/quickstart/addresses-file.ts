import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { firstAddress } from '../services/services.ts';
import type { Addresses } from './example.ts';

const bin = fileURLToPath(new URL('../sluice.js', import.meta.url));

/**
 * Writes shell variables with the addresses of a quickstart, which the commands of the documentation use, and makes
 * `sluice` a command of that shell where it is not installed.
 */
export async function writeAddresses(path: string, addresses: Addresses): Promise<void> {
  await writeFile(path, addressesText(addresses));
}

function addressesText({ admin, proxies, proxiesTls, statuses, kafka, registry }: Addresses): string {
  const { host, port } = firstAddress(kafka);
  const variables: Readonly<Record<string, string>> = {
    ADMIN: admin,
    PROXY: proxies[0] ?? '',
    PROXY_TLS: proxiesTls[0] ?? '',
    STATUS: statuses[0] ?? '',
    KAFKA: kafka,
    KAFKA_HOST: host,
    KAFKA_PORT: String(port),
    REGISTRY: registry,
    SLUICE_ADMIN: admin,
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
  return [
    '# Written by `sluice quickstart`: the addresses of the running example.',
    ...lines,
    `command -v sluice >/dev/null || sluice() { ${quoted(process.execPath)} ${quoted(bin)} "$@"; }`,
    '',
  ].join('\n');
}

/** Returns a text as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
