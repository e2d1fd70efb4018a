import { createServer } from 'node:http';

/** The measure of speed: node:http that reads and parses the same body and answers as much, with no Kafka behind it. */
const answer = JSON.stringify({
  message: 'message sent',
  outcome: 'acked',
  records: [{ topic: 'bench', partition: 7, offset: '1234567' }],
});

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    JSON.parse(body.toString('utf8'));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
