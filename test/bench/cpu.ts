import { bareName, type BenchOptions, compete, ratios, writeFigures } from './arena.ts';
import { generator, median, spread, table } from './load.ts';

/** Times the bare server's CPU time a request (bench.md). */
const targets: Readonly<Record<string, { readonly floor: number; readonly goal: number }>> = {
  kafkajs: { floor: 2.2, goal: 1.8 },
  platformatic: { floor: 1.6, goal: 1.25 },
};

/** CPU time of the data-plane process a request, acked, against the bare server's (bench.md `cpu`). */
export function cpu(options: BenchOptions): Promise<void> {
  return compete(options, { plain: false, paths: ['body'] }, (contestants, roundsOf) => {
    const figures: object[] = [];
    for (const connections of options.connections) {
      const rows = [['', 'CPU µs/request', 'times bare', 'floor', 'goal', '']];
      const bare = roundsOf(connections, bareName());
      for (const { name } of contestants) {
        const rounds = roundsOf(connections, name);
        const cpuMicros = rounds.map((round) => round.cpuMicros);
        const timesBare = ratios(rounds, bare, 'cpuMicros');
        const target = targets[name.split(' ')[0] ?? ''];
        rows.push([
          name,
          spread(cpuMicros, 1),
          spread(timesBare, 2),
          target === undefined ? '' : String(target.floor),
          target === undefined ? '' : String(target.goal),
          target === undefined ? '' : judge(median(timesBare), target),
        ]);
        figures.push({ connections, name, cpuMicros: median(cpuMicros), timesBare: median(timesBare), ...target });
      }
      const { rounds, seconds } = options;
      console.log(`\n${connections} connections, ${rounds} rounds of ${seconds} s, ${generator}: median (min–max)`);
      console.log(table(rows));
    }
    writeFigures('cpu', figures);
  });
}

function judge(timesBare: number, { floor, goal }: { readonly floor: number; readonly goal: number }): string {
  if (timesBare <= goal) return 'goal reached';
  return timesBare <= floor ? 'above the floor' : 'below the floor';
}
