import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { ControlMessage } from '../../shared/generated/sluice/sync/v1/ControlMessage.ts';
import type { NodeMessage__Output } from '../../shared/generated/sluice/sync/v1/NodeMessage.ts';
import { ConfigSync } from '../../shared/proto.ts';
import type { SnapshotEntities } from '../../shared/snapshot.ts';
import { packEntities } from './pack-entities.ts';

/** The far end of one node's stream, for tests to play the control plane. */
export interface FakeStream {
  readonly received: NodeMessage__Output[];
  readonly openedAtMs: number;
  send(message: ControlMessage): void;
  /** Ends the stream with status OK. */
  end(): void;
  closed: boolean;
}

/** A control plane that says what a test tells it to say, and nothing else. */
export class FakeControlPlane {
  readonly streams: FakeStream[] = [];
  readonly #server = new Server();
  address = '';

  async start(): Promise<void> {
    this.#server.addService(ConfigSync.service, { Connect: (call: Call) => this.#connect(call) });
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.address = `127.0.0.1:${port}`;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #connect(call: Call): void {
    const stream: FakeStream = {
      received: [],
      openedAtMs: performance.now(),
      send: (message) => void call.write(message),
      end: () => call.end(),
      closed: false,
    };
    call.on('data', (message: NodeMessage__Output) => stream.received.push(message));
    call.on('cancelled', () => (stream.closed = true));
    call.on('end', () => call.end());
    call.on('error', () => undefined);
    this.streams.push(stream);
  }
}

type Call = ServerDuplexStream<NodeMessage__Output, ControlMessage>;

/** The messages that carry a snapshot; `damage` changes its bytes on the way. */
export async function snapshotMessages(
  entities: SnapshotEntities,
  revision: number,
  damage: (body: Buffer) => Buffer = (body) => body,
): Promise<{ readonly hash: string; readonly messages: readonly ControlMessage[] }> {
  const packed = await packEntities(entities);
  const data = damage(packed.body);
  const { hash, entityCount } = packed;
  return {
    hash,
    messages: [
      { snapshotStart: { hash, revision, totalBytes: data.length, entityCount } },
      { snapshotChunk: { data } },
      { snapshotEnd: { hash } },
    ],
  };
}
