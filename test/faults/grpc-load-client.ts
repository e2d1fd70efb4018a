import { Client, credentials, type Metadata, type ServiceError, status as codes } from '@grpc/grpc-js';
import type { LeanAnswer } from './lean-client.ts';

const bytes = (value: Buffer): Buffer => value;

/** What a call says of each of its messages. */
export type MessageAnswer = LeanAnswer;

/** The HTTP statuses of the outcome table, as far as a gRPC status tells them. */
const statuses: Readonly<Record<number, number>> = {
  [codes.OK]: 200,
  [codes.INVALID_ARGUMENT]: 400,
  [codes.DEADLINE_EXCEEDED]: 504,
  [codes.ABORTED]: 500,
  [codes.UNAVAILABLE]: 503,
};

/** Calls over one channel of grpc-js, as a program of its users makes them. */
export class GrpcLoadClient {
  readonly #client: Client;
  readonly #answerTimeoutMs: number;

  constructor(url: URL, answerTimeoutMs: number) {
    this.#client = new Client(url.host, credentials.createInsecure());
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  /** A unary call. Never rejects. */
  async post(target: string, body: string, onSent: () => void): Promise<LeanAnswer> {
    const [answer] = await this.send(target, [body], onSent);
    return answer ?? { status: 0, body: 'no answer' };
  }

  /** A client-streaming call, or a unary one for a single body; one answer a message. Never rejects. */
  send(target: string, bodies: readonly string[], onSent: () => void): Promise<readonly MessageAnswer[]> {
    return new Promise((resolve) => {
      let failure: ServiceError | null = null;
      const options = { deadline: Date.now() + this.#answerTimeoutMs };
      const done = (error: ServiceError | null) => {
        failure = error;
      };
      const call = this.#client.makeClientStreamRequest(target, bytes, bytes, options, done);
      call.on('status', ({ code, metadata }) => {
        setImmediate(() => resolve(answersOf(code, metadata, bodies.length, failure)));
      });
      onSent();
      for (const body of bodies) call.write(Buffer.from(body));
      call.end();
    });
  }

  close(): void {
    this.#client.close();
  }
}

/**
 * Messages before `sluice-acked` are acked. The next one has the call's outcome; those behind it are known not to be
 * written only where that is known of the first, and where the outcome is not partial.
 */
function answersOf(
  code: number,
  trailers: Metadata,
  count: number,
  failure: ServiceError | null,
): readonly MessageAnswer[] {
  const text = (name: string): string | undefined => trailers.get(name)[0]?.toString();
  const outcome = text('sluice-outcome');
  if (outcome === undefined) {
    return Array.from({ length: count }, () => ({ status: 0, body: failure?.details ?? 'no outcome' }));
  }
  const acked = failure === null ? count : Number(text('sluice-acked') ?? 0);
  const status = statuses[code] ?? 500;
  const ofFailed = outcome === 'partial' && count > 1 ? 'unknown' : outcome;
  return Array.from({ length: count }, (_, index) =>
    index < acked
      ? { status: 200, body: '{"outcome":"acked"}' }
      : { status, body: JSON.stringify({ outcome: ofFailed, code: text('sluice-code') ?? null }) },
  );
}
