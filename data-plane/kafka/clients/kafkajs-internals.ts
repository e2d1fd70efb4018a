import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/**
 * The parts of kafkajs 2.2.4 below its public producer, with the types that it does not publish. This is the one place
 * where its shape is taken on trust; the contract suite runs against the real thing.
 */
const require = createRequire(import.meta.url);

export interface KafkajsConnection {
  clientId: string;
  socket: Socket | undefined;
  requestQueue: KafkajsRequestQueue;
  /** A 64-bit number of its own; 0: the session does not end. */
  readonly sessionLifetime: { toString(): string };
  /** Milliseconds. */
  reauthenticationThreshold: number;
  isConnected(): boolean;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
}

export interface KafkajsRequestQueue {
  push(pushed: {
    entry: {
      apiKey: number;
      apiName: string;
      apiVersion: number;
      correlationId: number;
      resolve: (response: { payload: Buffer | null }) => void;
      reject: (error: Error) => void;
    };
    expectResponse: boolean;
    requestTimeout: number | null;
    sendRequest: () => void;
  }): void;
  maybeThrottle(throttleMs: number | null | undefined): void;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

export interface KafkajsConnectionPool {
  getConnection(): Promise<KafkajsConnection>;
  pool: readonly [KafkajsConnection, KafkajsConnection];
}

export interface KafkajsBroker {
  /** By API key; null before the broker was asked. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null;
  connect(): Promise<void>;
}

interface KafkajsInternals {
  readonly ConnectionPool: new (options: object) => KafkajsConnectionPool;
  readonly Broker: new (options: object) => KafkajsBroker;
  readonly createSocketFactory: () => (options: object) => Socket;
  readonly createLogger: (options: object) => object;
}

// This is the border: CommonJS without types; each use names what it takes on trust.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function load<T>(path: string): T {
  return require(path);
}

export const kafkajs: KafkajsInternals = {
  ConnectionPool: load('kafkajs/src/network/connectionPool'),
  Broker: load('kafkajs/src/broker'),
  createSocketFactory: load('kafkajs/src/network/socketFactory'),
  createLogger: load<{ createLogger: KafkajsInternals['createLogger'] }>('kafkajs/src/loggers').createLogger,
};
