import { bareName, type BenchOptions, compete, plainName, ratios, writeFigures } from './arena.ts';
import { generator, median, spread, table } from './load.ts';

/**
 * Acked produce through the data plane against a bare HTTP server, a plain kafkajs send a request, and its own schema
 * path (bench.md `ingest`).
 */
export function ingest(options: BenchOptions): Promise<void> {
  const field = {
    plain: true,
    paths: ['body', 'envelope', 'keyed', 'avro', 'json-schema', 'protobuf', 'lua'],
  } as const;
  return compete(options, field, (contestants, roundsOf) => {
    const figures: object[] = [];
    for (const connections of options.connections) {
      const rows = [['', 'requests/s', 'CPU µs/request', 'of bare', 'CPU of bare', 'times plain kafkajs', 'of body']];
      const bare = roundsOf(connections, bareName);
      const plain = roundsOf(connections, plainName);
      for (const { name, node } of contestants) {
        const rounds = roundsOf(connections, name);
        const ofBare = ratios(rounds, bare, 'perSecond');
        const cpuOfBare = ratios(rounds, bare, 'cpuMicros');
        const timesPlain = ratios(rounds, plain, 'perSecond');
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
          spread(timesPlain, 1),
          ofBody.length === 0 ? '' : spread(ofBody, 2),
        ]);
        figures.push({
          connections,
          name,
          perSecond: median(perSecond),
          ofBare: median(ofBare),
          cpuOfBare: median(cpuOfBare),
          timesPlain: median(timesPlain),
          ofBody: ofBody.length === 0 ? null : median(ofBody),
        });
      }
      const { rounds, seconds } = options;
      console.log(`\n${connections} connections, ${rounds} rounds of ${seconds} s, ${generator}: median (min–max)`);
      console.log(table(rows));
    }
    writeFigures('ingest', figures);
  });
}
