import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';
import type { ProtoGrpcType } from './generated/config_sync.ts';

const definition = loadSync(fileURLToPath(import.meta.resolve('#proto/config_sync.proto')), {
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

// The generated type describes exactly this file; the loader itself only knows that it is some package.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const loaded = loadPackageDefinition(definition) as unknown as ProtoGrpcType;

/** Client and service of proto/config_sync.proto. */
export const ConfigSync = loaded.sluice.sync.v1.ConfigSync;

/** Limit of one message, the same on both ends. */
export const messageBytesMax = 64 * 1024 * 1024;

/** Channel and server options that set the limit. */
export const messageLimits = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
} as const;
