import { Agent, request } from 'node:http';

/** What the parent asks for; answered with a `SteadyResult`. */
export interface SteadyOrder {
  readonly perSecond: number;
  readonly seconds: number;
}

export interface SteadyResult {
  readonly requests: number;
  /** Answers that were not 200, and requests without one. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** `node steady-load.js <url> <host header>`: requests at a fixed rate, whether earlier ones are answered or not. */
const [url = '', host = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const body = JSON.stringify({ id: 'order-1', item: 'umbrella' });

function send(): Promise<{ ms: number; isOk: boolean }> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const headers = { host, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers, timeout: 20_000 }, (response) => {
      response.resume();
      response.on('end', () => resolve({ ms: performance.now() - startMs, isOk: response.statusCode === 200 }));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', () => resolve({ ms: performance.now() - startMs, isOk: false }));
    sent.end(body);
  });
}

async function run({ perSecond, seconds }: SteadyOrder): Promise<SteadyResult> {
  const answers: Promise<{ ms: number; isOk: boolean }>[] = [];
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
      while (answers.length < due) answers.push(send());
      if (performance.now() - startMs < seconds * 1_000) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const all = await Promise.all(answers);
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
  return {
    requests: all.length,
    failed: all.filter(({ isOk }) => !isOk).length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

process.on('message', (order: SteadyOrder) => void run(order).then((result) => process.send?.(result)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
