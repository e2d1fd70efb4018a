import { randomUUID } from 'node:crypto';
import { connect } from 'node:http2';
import { ConfigSync } from '../../shared/proto.ts';

/**
 * A node that says hello and never reads what it is sent: plain HTTP/2, because grpc-js reads ahead into memory. Returns
 * the function that ends it.
 */
export function startDeafNode(address: string): () => void {
  const { path, requestSerialize } = ConfigSync.service.Connect;
  const hello = requestSerialize({ hello: { nodeId: randomUUID(), bootId: randomUUID(), version: '0.1.0' } });
  // A gRPC message on HTTP/2: one byte for compression, four for the length.
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(hello.length, 1);
  const session = connect(`http://${address}`);
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  stream.write(Buffer.concat([prefix, hello]));
  return () => session.destroy();
}
