/** What the parent asks for; answered with an `OpenLoopResult`. */
export interface OpenLoopOrder {
  readonly perSecond: number;
  readonly seconds: number;
}

export interface OpenLoopResult {
  readonly requests: number;
  readonly failed: number;
  /** Milliseconds from the time at which a request was due, whenever it could be sent. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/**
 * Sends at a fixed rate, whether earlier ones are answered or not. Each time counts from when a request was due, so that
 * a server that holds requests up cannot hide it by holding the sender up.
 */
export async function openLoop(
  { perSecond, seconds }: OpenLoopOrder,
  sendAll: (count: number) => Promise<boolean>[],
): Promise<OpenLoopResult> {
  const total = Math.floor(perSecond * seconds);
  const latencies: number[] = [];
  let failed = 0;
  const answers: Promise<void>[] = [];
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1_000) * perSecond));
      const first = answers.length;
      for (const [index, answer] of sendAll(due - first).entries()) {
        const dueMs = startMs + ((first + index) / perSecond) * 1_000;
        answers.push(
          answer.then((isOk) => {
            if (isOk) latencies.push(performance.now() - dueMs);
            else failed += 1;
          }),
        );
      }
      if (answers.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(answers);
  latencies.sort((a, b) => a - b);
  const at = (part: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? NaN;
  return { requests: total, failed, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}

/** Lets the parent order runs, until it is gone. */
export function serveOrders(sendAll: (count: number) => Promise<boolean>[]): void {
  process.on('message', (order: OpenLoopOrder) => {
    void openLoop(order, sendAll).then((result) => process.send?.(result));
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}
