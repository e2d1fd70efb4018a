import { createServer } from 'node:http2';

/** The measure of HTTP/2: node:http2 that reads and parses the same body and answers as much, with no Kafka behind it. */
const answer = JSON.stringify({
  message: 'message sent',
  outcome: 'acked',
  records: [{ topic: 'bench', partition: 7, offset: '1234567' }],
});

const server = createServer();
server.on('stream', (stream) => {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    JSON.parse(body.toString('utf8'));
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': answer.length });
    stream.end(answer);
  });
  stream.on('error', () => undefined);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
