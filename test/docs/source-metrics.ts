import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Returns the names of metrics in the sources, which register each by its whole name. */
export function sourceMetricNames(): string[] {
  const sources = ['control-plane', 'data-plane', 'shared'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(root, folder, path)),
  );
  const texts = sources.filter((path) => path.endsWith('.ts')).map((path) => readFileSync(path, 'utf8'));
  const registering = texts.filter((text) => text.includes("'prom-client'"));
  return [
    ...new Set(registering.flatMap((text) => [...text.matchAll(/'(sluice_[a-z_]+)'/g)].map(([, name = '']) => name))),
  ];
}
