import { Client, credentials, Metadata, type ServiceError, status as codes } from '@grpc/grpc-js';
import { expect } from 'chai';
import protobuf from 'protobufjs';
import type { Row } from './outcome-rows.ts';

/** What a grpc-js stub sees of a call. */
export interface GrpcSeen {
  readonly code: number;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>>;
  readonly status: RpcStatus | undefined;
  readonly ms: number;
}

/** google.rpc.Status with the details that Sluice sends. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly info: {
    readonly reason: string;
    readonly domain: string;
    readonly metadata: Readonly<Record<string, string>>;
  };
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  readonly retryDelaySeconds: number | undefined;
}

const types = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Violation { string field = 1; string description = 2; }
  message BadRequest { repeated Violation field_violations = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }`).root;

function decode(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = types.lookupType(name);
  return type.toObject(type.decode(bytes), { defaults: true, longs: Number, keepCase: false } as object);
}

/** Reads `grpc-status-details-bin`. */
export function rpcStatusOf(metadata: Metadata): RpcStatus | undefined {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (bytes === undefined) return undefined;
  // A border: the shapes are those of the definitions above.
  const status = decode('Status', Buffer.from(bytes as Buffer)) as {
    code: number;
    message: string;
    details: readonly { typeUrl: string; value: Uint8Array }[];
  };
  const find = (name: string) => {
    const any = status.details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`);
    return any === undefined ? undefined : decode(name, any.value);
  };
  const info = find('ErrorInfo') as RpcStatus['info'] | undefined;
  if (info === undefined) throw new Error('no ErrorInfo');
  const violations = (find('BadRequest')?.['fieldViolations'] ?? []) as RpcStatus['violations'];
  const delay = find('RetryInfo')?.['retryDelay'] as { seconds: number } | undefined;
  return { code: status.code, message: status.message, info, violations, retryDelaySeconds: delay?.seconds };
}

const bytes = (value: Buffer): Buffer => value;

/** A unary call with these bytes as its message. */
export function grpcCall(
  client: Client,
  path: string,
  message: Buffer,
  headers: Readonly<Record<string, string>> = {},
  timeoutMs?: number,
): Promise<GrpcSeen> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let failure: ServiceError | null = null;
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
    const call = client.makeUnaryRequest(path, bytes, bytes, message, metadata, options, (error) => {
      failure = error;
    });
    call.on('status', ({ code, details, metadata: trailers }) => {
      const texts = Object.entries(trailers.getMap()).map(([name, value]) => [name, String(value)]);
      setImmediate(() =>
        resolve({
          code,
          message: failure?.details ?? details,
          trailers: Object.fromEntries(texts) as Record<string, string>,
          status: rpcStatusOf(trailers),
          ms: performance.now() - startedAt,
        }),
      );
    });
  });
}

export function grpcClient(proxy: string): Client {
  return new Client(new URL(proxy).host, credentials.createInsecure());
}

/** The status that a stub sees for each HTTP status of the table. */
const codeOf: Readonly<Record<number, number>> = {
  200: codes.OK,
  400: codes.INVALID_ARGUMENT,
  403: codes.PERMISSION_DENIED,
  404: codes.NOT_FOUND,
  413: codes.RESOURCE_EXHAUSTED,
  415: codes.UNIMPLEMENTED,
  422: codes.INVALID_ARGUMENT,
  500: codes.INTERNAL,
  502: codes.UNAVAILABLE,
  503: codes.UNAVAILABLE,
  504: codes.DEADLINE_EXCEEDED,
};

/** Compares what a stub saw with a row of the outcome table. */
export function checkGrpcAnswer({ expected, withinMs }: Pick<Row, 'expected' | 'withinMs'>, seen: GrpcSeen): void {
  const text = JSON.stringify(seen);
  const { trailers, status } = seen;
  expect(seen.code, text).to.equal(expected.outcome === 'partial' ? codes.ABORTED : codeOf[expected.status]);
  expect(trailers['sluice-outcome'], text).to.equal(expected.outcome);
  expect(trailers['sluice-code'], text).to.equal(expected.code);
  expect(trailers['sluice-retryable'], text).to.equal(expected.retryable?.toString());
  expect(trailers['x-request-id'], text).to.match(/^\w+$/);
  expect(seen.ms, `time to answer ${text}`).to.be.within(...withinMs);
  if (expected.code === undefined) {
    expect(status, text).to.equal(undefined);
    return;
  }
  expect(seen.message, 'one sentence').to.not.equal('');
  expect(status, text).to.include({ code: seen.code, message: seen.message });
  expect(status?.info, text).to.include({ reason: expected.code, domain: 'sluice' });
  expect(status?.info.metadata, text).to.include({
    outcome: expected.outcome,
    retryable: String(expected.retryable),
    request_id: trailers['x-request-id'],
  });
  expect(status?.retryDelaySeconds !== undefined, 'RetryInfo').to.equal(expected.retryAfter ?? false);
  const limit = expected.limit ?? undefined;
  expect(status?.info.metadata['limit'], text).to.equal(limit?.toString());
  for (const { field, description } of status?.violations ?? []) expect(field + description).to.not.equal('');
}

/** The record that a successful call of one topic names. */
export function recordsOf({ trailers }: GrpcSeen): readonly { topic: string; partition: number; offset: string }[] {
  const { 'sluice-topic': topic, 'sluice-partition': partition, 'sluice-offset': offset } = trailers;
  if (topic === undefined || partition === undefined || offset === undefined) return [];
  return [{ topic, partition: Number(partition), offset }];
}
