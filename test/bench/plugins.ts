import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDbless } from '../helpers/sluice-process.ts';
import { bareName, ratios, type Round, writeFigures } from './arena.ts';
import { cpuMs, generator, load, median, spread, startServer, table } from './load.ts';
import { orderBody } from './order.ts';

export interface PluginsOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
}

/** The CPU time of the chain, in times of the bare server's a request (bench.md). */
const goal = 0.35;
const headers = { apikey: 'bench-key', origin: 'https://shop.example' };

/** The CPU time a request that a chain of four plugins adds, against the bare server's (bench.md `plugins`). */
export async function pluginsBench({ seconds, rounds, connections }: PluginsOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify(documentOf()));
  const bare = await startServer('./bare-server.js');
  const node = await runDbless([`--declarative-config=${path}`]);
  const contestants = [
    { name: bareName(), url: bare.url, pid: bare.pid },
    { name: 'without plugins', url: `${node.proxy}/without`, pid: node.pid },
    { name: 'with four plugins', url: `${node.proxy}/with`, pid: node.pid },
  ];
  const figures: object[] = [];
  try {
    for (const count of connections) {
      const results = new Map<string, Round[]>(contestants.map(({ name }) => [name, []]));
      for (let round = -1; round < rounds; round += 1) {
        for (const { name, url, pid } of contestants) {
          const before = cpuMs(pid);
          const what = { url, body: orderBody, contentType: 'application/json', connections: count, headers };
          // Round -1 warms every process up and is not counted.
          const result = await load({ ...what, seconds: round < 0 ? 2 : seconds }, folder);
          if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${result.requests} requests failed`);
          if (round < 0) continue;
          const cpuMicros = ((cpuMs(pid) - before) * 1000) / result.requests;
          results.get(name)?.push({ perSecond: result.requestsPerSecond, cpuMicros });
        }
      }
      figures.push(report(results, { count, rounds, seconds }));
    }
    writeFigures('plugins', figures);
  } finally {
    await node.stop();
    await bare.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Run {
  readonly count: number;
  readonly rounds: number;
  readonly seconds: number;
}

function report(results: ReadonlyMap<string, readonly Round[]>, { count, rounds, seconds }: Run): object {
  const [bare = [], without = [], withPlugins = []] = [...results.values()];
  const rows = [['', 'CPU µs/request', 'times bare']];
  for (const [name, list] of results) {
    rows.push([name, spread(micros(list), 1), spread(ratios(list, bare, 'cpuMicros'), 2)]);
  }
  const added = withPlugins.map(
    ({ cpuMicros }, index) => (cpuMicros - (without[index]?.cpuMicros ?? 0)) / (bare[index]?.cpuMicros ?? 1),
  );
  rows.push(['added by the plugins', '', spread(added, 2)]);
  console.log(`\n${count} connections, ${rounds} rounds of ${seconds} s, ${generator}: median (min–max)`);
  console.log(table(rows));
  console.log(`goal ${goal}: ${median(added) <= goal ? 'reached' : 'missed'}`);
  return { connections: count, added: median(added), goal };
}

function micros(rounds: readonly Round[]): number[] {
  return rounds.map(({ cpuMicros }) => cpuMicros);
}

/** Both routes answer themselves, with as much as the bare server. */
function documentOf() {
  const answer = {
    name: 'request-termination',
    config: { status_code: 200, content_type: 'application/json', body: JSON.stringify({ message: 'x'.repeat(90) }) },
  };
  const chain = [
    { name: 'key-auth', config: {} },
    { name: 'rate-limiting', config: { hour: 1_000_000_000, day: 1_000_000_000 } },
    { name: 'cors', config: { origins: ['https://shop.example', 'https://www.shop.example'] } },
    { name: 'request-size-limiting', config: { allowed_payload_size: 1, size_unit: 'megabytes' } },
  ];
  return {
    _format_version: '3.0',
    consumers: [{ username: 'bench', keyauth_credentials: [{ key: headers.apikey }] }],
    routes: [
      { name: 'without', paths: ['/without'], plugins: [answer] },
      { name: 'with', paths: ['/with'], plugins: [...chain, answer] },
    ],
  };
}
