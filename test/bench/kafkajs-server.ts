import { createServer, type ServerResponse } from 'node:http';
import { Kafka, logLevel } from 'kafkajs';

/** What many services do by hand: one kafkajs `send` a request, acks=all, answered when it resolves. */
const [broker = '', topic = ''] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
const producer = kafka.producer({ allowAutoTopicCreation: false });
await producer.connect();

async function handle(body: Buffer, response: ServerResponse): Promise<void> {
  JSON.parse(body.toString('utf8'));
  try {
    const [result] = await producer.send({ topic, acks: -1, messages: [{ value: body }] });
    const answer = JSON.stringify({
      message: 'message sent',
      outcome: 'acked',
      records: [{ topic, partition: result?.partition, offset: result?.baseOffset }],
    });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
    response.end(answer);
  } catch {
    response.writeHead(503).end();
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => void handle(Buffer.concat(chunks), response));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
