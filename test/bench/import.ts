import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { dump } from 'js-yaml';
import { adminOk } from '../helpers/admin.ts';
import { runControlPlane } from '../helpers/sluice-process.ts';
import { table } from './load.ts';
import { manyEntities } from './many-entities.ts';

export interface ImportOptions {
  readonly sizes: readonly number[];
  readonly rounds: number;
}

const limits = { importMs: 10_000, waitMs: 1_000 };
/** What comes after an import, such as its publication, holds up other calls as well. */
const afterMs = 1_500;

/**
 * A whole configuration through `POST /config` (JSON and YAML with every default) while one caller reads and another writes all
 * the time (control-plane.md section 7): how long it takes, and how long the others wait. Round by round into a new
 * database, then the same document again, which changes nothing but what the writer made.
 */
export async function importBench({ sizes, rounds }: ImportOptions): Promise<void> {
  const rows = [['entities', '', 'MB', '', 'import ms', 'longest read ms', 'longest write ms', 'reads', 'writes']];
  const json: object[] = [];
  for (const size of sizes) {
    const document = { _format_version: '3.0', ...manyEntities(size, { kafka: '127.0.0.1:9092', topic: 'orders' }) };
    const bodies = { json: JSON.stringify(document), yaml: dump(document, { noRefs: true, lineWidth: -1 }) };
    const all = Object.entries(bodies).flatMap(([type, body]) =>
      Array.from({ length: rounds }, () => ({ type, body })),
    );
    for (const { type, body } of all) {
      const folder = mkdtempSync(`${tmpdir()}/sluice-bench-`);
      const controlPlane = await runControlPlane({ folder });
      try {
        for (const what of ['new', 'again']) {
          const figures = await measure(controlPlane.admin, `application/${type}`, body);
          const { importMs, readMs, writeMs, reads, writes } = figures;
          const times = [importMs, readMs, writeMs].map((ms) => ms.toFixed(0));
          rows.push([
            String(size),
            type,
            (body.length / 1e6).toFixed(1),
            what,
            ...times,
            String(reads),
            String(writes),
          ]);
          json.push({ size, type, what, ...figures });
        }
      } finally {
        await controlPlane.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  console.log(`\nlimits for 30000 entities: import ${limits.importMs} ms, other calls ${limits.waitMs} ms`);
  console.log(table(rows));
  mkdirSync('sluice-data/bench', { recursive: true });
  writeFileSync('sluice-data/bench/import.json', JSON.stringify(json, null, 2));
}

async function measure(admin: string, type: string, body: string) {
  const done = new AbortController();
  const read = repeated(done.signal, () => adminOk(admin, 'GET', '/routes?size=10'));
  let number = 0;
  const write = repeated(done.signal, () => {
    number += 1;
    return adminOk(admin, 'POST', '/consumers', { username: `meanwhile-${Date.now()}-${number}` });
  });
  const startMs = performance.now();
  const headers = { 'content-type': type };
  const answer = await fetch(`${admin}/config`, { method: 'POST', headers, body });
  const text = await answer.text();
  const importMs = performance.now() - startMs;
  if (answer.status !== 201) throw new Error(`the import was answered ${answer.status}: ${text.slice(0, 500)}`);
  await delay(afterMs);
  done.abort();
  const [reads, writes] = await Promise.all([read, write]);
  return { importMs, readMs: reads.longestMs, writeMs: writes.longestMs, reads: reads.count, writes: writes.count };
}

/** Calls again and again, with a short pause in between. */
async function repeated(signal: AbortSignal, call: () => Promise<unknown>) {
  let longestMs = 0;
  let count = 0;
  while (!signal.aborted) {
    const startMs = performance.now();
    await call();
    longestMs = Math.max(longestMs, performance.now() - startMs);
    count += 1;
    await delay(10);
  }
  return { longestMs, count };
}
