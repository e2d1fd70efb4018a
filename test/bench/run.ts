import { parseArgs } from 'node:util';
import { withServices } from '../helpers/services.ts';
import type { BenchOptions } from './arena.ts';
import { cpu } from './cpu.ts';
import { ingest } from './ingest.ts';

const scenarios: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = { ingest, cpu };

/** `npm run bench -- <scenario> [--seconds N] [--rounds N] [--client kafkajs|platformatic|both] [--connections 64,256]` */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    client: { type: 'string', default: 'both' },
    connections: { type: 'string', default: '64,256' },
  },
});
const scenario = scenarios[positionals[0] ?? ''];
if (scenario === undefined) {
  const names = Object.keys(scenarios).join('|');
  console.error(`usage: npm run bench -- ${names} [--seconds N] [--rounds N] [--client both] [--connections 64,256]`);
  process.exit(2);
}
const { client, seconds, rounds, connections } = values;
await withServices(({ kafka, registry }) =>
  scenario({
    kafka,
    registry,
    clients: client === 'both' ? ['kafkajs', 'platformatic'] : [client],
    seconds: Number(seconds),
    rounds: Number(rounds),
    connections: connections.split(',').map(Number),
  }),
);
