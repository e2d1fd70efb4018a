import { Kafka, logLevel } from 'kafkajs';
import { serveOrders } from './open-loop.ts';
import { orderBody } from './order.ts';

/**
 * `node open-producer.js <broker> <topic>`: a plain producer without HTTP. What is due goes out in one `send` as soon as
 * fewer than four are in flight, so that it keeps up at any rate.
 */
const [broker = '', topic = ''] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
const producer = kafka.producer({ allowAutoTopicCreation: false });
await producer.connect();

const inFlightMax = 4;
const value = Buffer.from(orderBody);
let inFlight = 0;
let waiting: ((isOk: boolean) => void)[] = [];

async function flush(): Promise<void> {
  if (inFlight >= inFlightMax || waiting.length === 0) return;
  const batch = waiting;
  waiting = [];
  inFlight += 1;
  let isOk = true;
  try {
    await producer.send({ topic, acks: -1, messages: batch.map(() => ({ value })) });
  } catch {
    isOk = false;
  }
  inFlight -= 1;
  for (const settle of batch) settle(isOk);
  await flush();
}

serveOrders((count) => {
  const sent = Array.from({ length: count }, () => new Promise<boolean>((resolve) => waiting.push(resolve)));
  void flush();
  return sent;
});
