import { parseArgs } from 'node:util';
import { withServices } from '../helpers/services.ts';
import { apply } from './apply.ts';
import type { BenchProtocol } from './arena.ts';
import { batch } from './batch.ts';
import { cpu } from './cpu.ts';
import { fleet } from './fleet.ts';
import { importBench } from './import.ts';
import { ingest } from './ingest.ts';
import { latency } from './latency.ts';
import { pluginsBench } from './plugins.ts';
import { routerBench } from './router.ts';
import { workersBench } from './workers.ts';

const usage = `usage: npm run bench -- <scenario> [options]
  ingest  [--protocol h1|h2|grpc] [--seconds 4] [--rounds 3] [--client kafkajs|platformatic|both] [--connections 64,256]
  cpu     [--seconds 4] [--rounds 3] [--client kafkajs|platformatic|both] [--connections 64,256]
  latency [--seconds 4] [--rounds 3] [--client kafkajs|platformatic|both]
  workers [--seconds 4] [--rounds 3] [--client kafkajs|platformatic|both] [--connections 64,256]
  batch   [--seconds 4] [--rounds 3] [--client kafkajs|platformatic|both] [--sizes 1,10,100,1000]
  plugins [--seconds 4] [--rounds 3] [--connections 64,256]
  router  [--sizes 10,1000,10000] [--rounds 3]
  fleet   [--nodes 10,100,1000] [--writes 50]
  apply   [--sizes 100,30000] [--rounds 3] [--seconds 4] [--rate 300]
  import  [--sizes 100,30000] [--rounds 3]`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    client: { type: 'string', default: 'both' },
    connections: { type: 'string', default: '64,256' },
    protocol: { type: 'string', default: 'h1' },
    nodes: { type: 'string', default: '10,100,1000' },
    writes: { type: 'string', default: '50' },
    sizes: { type: 'string' },
    rate: { type: 'string', default: '300' },
  },
});
const largeSizes = '100,30000';
const numbers = (text: string): number[] => text.split(',').map(Number);
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);

const ofKafka = { ingest, cpu, latency, workers: workersBench };
const scenario = positionals[0] ?? '';

switch (scenario) {
  case 'ingest':
  case 'cpu':
  case 'latency':
  case 'workers':
    await withServices(({ kafka, registry }) =>
      ofKafka[scenario]({
        kafka,
        registry,
        clients: values.client === 'both' ? ['kafkajs', 'platformatic'] : [values.client],
        seconds,
        rounds,
        connections: numbers(values.connections),
        protocol: protocolOf(values.protocol),
      }),
    );
    break;
  case 'batch':
    await withServices(({ kafka, registry }) =>
      batch({
        kafka,
        registry,
        clients: values.client === 'both' ? ['kafkajs', 'platformatic'] : [values.client],
        sizes: numbers(values.sizes ?? '1,10,100,1000'),
        rounds,
        seconds,
      }),
    );
    break;
  case 'plugins':
    await pluginsBench({ seconds, rounds, connections: numbers(values.connections) });
    break;
  case 'router':
    routerBench({ sizes: numbers(values.sizes ?? '10,1000,10000'), rounds });
    break;
  case 'fleet':
    await fleet({ nodes: numbers(values.nodes), writes: Number(values.writes) });
    break;
  case 'apply':
    await withServices(({ kafka }) =>
      apply({ kafka, sizes: numbers(values.sizes ?? largeSizes), rounds, seconds, perSecond: Number(values.rate) }),
    );
    break;
  case 'import':
    await importBench({ sizes: numbers(values.sizes ?? largeSizes), rounds });
    break;
  default:
    console.error(usage);
    process.exit(2);
}

function protocolOf(text: string): BenchProtocol {
  if (text === 'h1' || text === 'h2' || text === 'grpc') return text;
  console.error(usage);
  return process.exit(2);
}
