import { parseArgs } from 'node:util';
import { withServices } from '../helpers/services.ts';
import { ingest } from './ingest.ts';

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
const scenario = positionals[0];
if (scenario !== 'ingest') {
  console.error('usage: npm run bench -- ingest [--seconds N] [--rounds N] [--client both] [--connections 64,256]');
  process.exit(2);
}
const { client, seconds, rounds, connections } = values;
await withServices(({ kafka, registry }) =>
  ingest({
    kafka,
    registry,
    clients: client === 'both' ? ['kafkajs', 'platformatic'] : [client],
    seconds: Number(seconds),
    rounds: Number(rounds),
    connections: connections.split(',').map(Number),
  }),
);
