import {
  bareName,
  type BenchOptions,
  type BenchProtocol,
  compete,
  type Field,
  plainName,
  ratios,
  writeFigures,
} from './arena.ts';
import { generator, median, spread, table } from './load.ts';

/** The ways of a request that are measured over each protocol; over HTTP/2 only those that it may change. */
const fields: Readonly<Record<BenchProtocol, Field>> = {
  h1: { plain: true, paths: ['body', 'envelope', 'keyed', 'avro', 'json-schema', 'protobuf', 'lua'] },
  h2: { plain: false, paths: ['body', 'envelope', 'avro'] },
  grpc: { plain: false, paths: ['body', 'protobuf'] },
};

/**
 * Acked produce through the data plane against a bare HTTP server, a plain kafkajs send a request, and its own schema
 * path (bench.md `ingest`).
 */
export function ingest(options: BenchOptions): Promise<void> {
  const { protocol = 'h1' } = options;
  const generatorName = protocol === 'h1' ? generator : 'own load over HTTP/2';
  return compete(options, fields[protocol], (contestants, roundsOf) => {
    const figures: object[] = [];
    for (const connections of options.connections) {
      const rows = [['', 'requests/s', 'CPU µs/request', 'of bare', 'CPU of bare', 'times plain kafkajs', 'of body']];
      const bare = roundsOf(connections, bareName(protocol));
      const plain = roundsOf(connections, plainName);
      for (const { name, node } of contestants) {
        const rounds = roundsOf(connections, name);
        const ofBare = ratios(rounds, bare, 'perSecond');
        const cpuOfBare = ratios(rounds, bare, 'cpuMicros');
        const timesPlain = plain.length === 0 ? [] : ratios(rounds, plain, 'perSecond');
        const body = node === null ? [] : roundsOf(connections, `${name.split(' ')[0]} body`);
        const ofBody = node === null ? [] : ratios(rounds, body, 'perSecond');
        const perSecond = rounds.map((round) => round.perSecond);
        const cpuMicros = rounds.map((round) => round.cpuMicros);
        rows.push([
          name,
          spread(perSecond, 0),
          spread(cpuMicros, 1),
          spread(ofBare, 2),
          spread(cpuOfBare, 2),
          timesPlain.length === 0 ? '' : spread(timesPlain, 1),
          ofBody.length === 0 ? '' : spread(ofBody, 2),
        ]);
        figures.push({
          connections,
          name,
          perSecond: median(perSecond),
          ofBare: median(ofBare),
          cpuOfBare: median(cpuOfBare),
          timesPlain: timesPlain.length === 0 ? null : median(timesPlain),
          ofBody: ofBody.length === 0 ? null : median(ofBody),
        });
      }
      const { rounds, seconds } = options;
      console.log(`\n${connections} connections, ${rounds} rounds of ${seconds} s, ${generatorName}: median (min–max)`);
      console.log(table(rows));
    }
    writeFigures(protocol === 'h1' ? 'ingest' : `ingest-${protocol}`, figures);
  });
}
