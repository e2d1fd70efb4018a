import type { Answer } from '../../plugin-api/exchange.ts';

export const healthCheckPath = '/grpc.health.v1.Health/Check';

/** HealthCheckResponse with `status` SERVING or NOT_SERVING, in its frame. */
const responses = {
  serving: Buffer.from([0, 0, 0, 0, 2, 0x08, 1]),
  notServing: Buffer.from([0, 0, 0, 0, 2, 0x08, 2]),
} as const;

/** Returns the node's own answer to `grpc.health.v1.Health/Check`. */
export function healthAnswer(isServing: boolean): Answer {
  return {
    status: 200,
    headers: ['content-type', 'application/grpc'],
    body: isServing ? responses.serving : responses.notServing,
    trailers: () => ['grpc-status', '0'],
  };
}
