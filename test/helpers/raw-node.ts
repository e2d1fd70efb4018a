import { Client, credentials, Metadata, type status as GrpcStatus } from '@grpc/grpc-js';
import { ConfigSync } from '../../shared/proto.ts';
import type { NodeMessage } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';

export interface StreamStatus {
  readonly code: GrpcStatus;
  readonly details: string;
}

/** A stream whose messages are bytes, so that a test can send what no client makes. */
export interface RawNode {
  readonly send: (message: Buffer | NodeMessage) => void;
  /** Resolves at the end of the stream. */
  readonly ended: Promise<StreamStatus>;
  close(): void;
}

export function openRawNode(address: string): RawNode {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const { path } = ConfigSync.service.Connect;
  const same = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same, new Metadata());
  const ended = new Promise<StreamStatus>((resolve) => call.on('status', resolve));
  call.on('error', () => undefined).on('data', () => undefined);
  return {
    send: (message) =>
      void call.write(Buffer.isBuffer(message) ? message : ConfigSync.service.Connect.requestSerialize(message)),
    ended,
    close() {
      call.cancel();
      client.close();
    },
  };
}

/** Encodes a protobuf field of bytes. */
export function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
