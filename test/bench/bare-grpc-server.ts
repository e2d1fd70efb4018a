import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js';

/** The measure of gRPC: a grpc-js server whose method takes the bytes of a message and returns an empty one. */
const bytes = (value: Buffer): Buffer => value;
const empty = Buffer.alloc(0);
const send = (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => done(null, empty);

const server = new Server();
const method = { requestStream: false, responseStream: false, requestSerialize: bytes, requestDeserialize: bytes };
server.addService(
  { Send: { path: '/', ...method, responseSerialize: bytes, responseDeserialize: bytes } },
  { Send: send },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ port });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
