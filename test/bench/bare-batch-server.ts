import { createServer, type ServerResponse } from 'node:http';
import { Kafka, logLevel } from 'kafkajs';

/** The measure of batches: node:http that reads the same bytes, splits them and gives them to one kafkajs `send`. */
const [broker = '', topic = ''] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
const producer = kafka.producer({ allowAutoTopicCreation: false });
await producer.connect();

function split(body: string, isArray: boolean): string[] {
  if (!isArray) return body.split('\n');
  const elements = JSON.parse(body) as unknown[];
  return elements.map((element) => JSON.stringify(element));
}

async function handle(body: Buffer, isArray: boolean, response: ServerResponse): Promise<void> {
  try {
    const messages = split(body.toString('utf8'), isArray).map((value) => ({ value }));
    const results = await producer.send({ topic, acks: -1, messages });
    const answer = JSON.stringify({ outcome: 'acked', count: messages.length, records: results.length });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
    response.end(answer);
  } catch {
    response.writeHead(503).end();
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => void handle(Buffer.concat(chunks), request.url === '/array', response));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
