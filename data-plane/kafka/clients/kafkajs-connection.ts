import type { Socket } from 'node:net';
import { KafkaError } from '../kafka-error.ts';
import type { ClusterSettings } from '../producer-types.ts';
import type { WireRequest } from '../wire/wire-request.ts';
import {
  type BrokerAddress,
  type BrokerConnection,
  type BrokerConnectionEvents,
  connectionFailed,
  corkThisTurn,
  encodeRequest,
  Throttle,
  timedOut,
} from './broker-connection.ts';
import {
  kafkajs,
  type KafkajsBroker,
  type KafkajsConnection,
  type KafkajsConnectionPool,
} from './kafkajs-internals.ts';
import { watchCertificates } from './security-options.ts';
import { withinTime } from '../../../shared/within-time.ts';

const clientId = 'sluice';
/** Logs in again this long before a session ends, or when this part of a shorter one is left. */
const reauthenticateBeforeMs = 10_000;
const reauthenticateAtPart = 0.2;
/** Length, api key, api version, correlation id, client id: the request header. Flexible ones have a byte more. */
const headerBytes = 14 + clientId.length;

/** Settings that the connections of one client share. */
export interface KafkajsCluster {
  readonly cluster: ClusterSettings;
  readonly requestTimeoutMs: number;
  readonly logger: object;
  readonly sasl: object | null;
  readonly ssl: object | null;
}

/**
 * One connection through kafkajs's Broker and Connection: its sockets, TLS, logins, framing and time-outs.
 *
 * Requests are pushed into the connection's request queue directly, as Connection.send does, because that tells for
 * certain whether the bytes were handed to the socket, lets several be in flight at once, and knows no versions. The
 * queue never holds a request back here: no maximum in flight, and throttling (KIP-219) makes the connection not ready
 * instead, so that records can still be withdrawn.
 */
export class KafkajsBrokerConnection implements BrokerConnection {
  readonly #shared: KafkajsCluster;
  readonly #events: BrokerConnectionEvents;
  readonly #pool: KafkajsConnectionPool;
  readonly #broker: KafkajsBroker;
  #connection: KafkajsConnection | null = null;
  #socket: Socket | null = null;
  #state: 'new' | 'open' | 'closed' = 'new';
  #reauthentication: Promise<void> | null = null;
  /** Requests without an answer. */
  #unanswered = 0;
  #certificateRefusal: (() => KafkaError | undefined) | null = null;
  readonly #throttle: Throttle;

  constructor(shared: KafkajsCluster, address: BrokerAddress, events: BrokerConnectionEvents) {
    this.#shared = shared;
    this.#events = events;
    this.#throttle = new Throttle(() => events.onReady());
    const { cluster } = shared;
    const createSocket = kafkajs.createSocketFactory();
    this.#pool = new kafkajs.ConnectionPool({
      ...address,
      clientId,
      logger: shared.logger,
      sasl: shared.sasl,
      ssl: shared.ssl,
      socketFactory: (options: object) => this.#watch(createSocket(options)),
      connectionTimeout: cluster.connectTimeoutMs,
      requestTimeout: shared.requestTimeoutMs,
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
      reauthenticationThreshold: reauthenticateBeforeMs,
    });
    this.#broker = new kafkajs.Broker({
      connectionPool: this.#pool,
      logger: shared.logger,
      authenticationTimeout: cluster.connectTimeoutMs,
      allowAutoTopicCreation: false,
    });
  }

  async open(): Promise<void> {
    const { connectTimeoutMs } = this.#shared.cluster;
    // kafkajs forgets its own time-out when the peer hangs up before the TLS handshake is done.
    try {
      await withinTime(this.#broker.connect(), connectTimeoutMs, () => {
        throw new Error(`no answer within ${connectTimeoutMs} ms`);
      });
      this.#connection = await this.#pool.getConnection();
    } catch (error) {
      throw this.#certificateRefusal?.() ?? toConnectError(error);
    }
    if (this.#state === 'closed') throw connectionFailed('the connection was closed', 'untouched');
    fitReauthentication(this.#connection);
    this.#connection.requestQueue.maybeThrottle = (throttleMs) => this.throttle(throttleMs ?? 0);
    // Its queue is always empty, but it would set a timer after each answer to look into it.
    this.#connection.requestQueue.scheduleCheckPendingRequests = () => undefined;
    this.#state = 'open';
  }

  isReady(): boolean {
    const connection = this.#connection;
    if (this.#state !== 'open' || connection === null || !connection.isConnected()) return false;
    if (this.#socket === null || this.#socket.writableNeedDrain) return false;
    if (!this.#throttle.isOver) return false;
    if (this.#shared.sasl !== null && !connection.isAuthenticated()) {
      this.#reauthenticate(connection).catch(() => undefined);
      return false;
    }
    return true;
  }

  highestVersion(apiKey: number): number {
    return this.#broker.versions?.[apiKey]?.maxVersion ?? -1;
  }

  exchange(request: WireRequest): Promise<Buffer | null> {
    const connection = this.#connection;
    const socket = this.#socket;
    if (connection === null || socket === null || this.#state !== 'open' || !connection.isConnected()) {
      return Promise.reject(connectionFailed('the connection is down', 'untouched'));
    }
    if (this.#shared.sasl !== null && !connection.isAuthenticated()) {
      return this.#reauthenticate(connection).then(() => this.exchange(request));
    }
    let frame: Buffer;
    try {
      frame = encodeRequest(request, request.flexible ? headerBytes + 1 : headerBytes);
    } catch (error) {
      return Promise.reject(toRequestError(error, 'untouched'));
    }
    const correlationId = connection.nextCorrelationId();
    writeHeader(frame, request, correlationId);
    return new Promise((resolve, reject) => {
      let touched = false;
      this.#unanswered++;
      connection.requestQueue.push({
        entry: {
          apiKey: request.apiKey,
          apiName: `api ${request.apiKey}`,
          apiVersion: request.apiVersion,
          correlationId,
          // The answer's header ends with tagged fields in flexible versions: none is known, so one zero.
          resolve: ({ payload }) => {
            this.#unanswered--;
            resolve(request.flexible ? (payload?.subarray(1) ?? null) : payload);
          },
          reject: (error) => {
            reject(toRequestError(error, touched ? 'unknown' : 'untouched'));
            // Nothing more is sent on a connection that leaves a request unanswered. Not within the queue's own loop over
            // its requests: rejecting them again in there throws.
            queueMicrotask(() => this.#broke(error));
          },
        },
        expectResponse: request.expectsAnswer,
        requestTimeout: null,
        sendRequest: () => {
          touched = true;
          corkThisTurn(socket);
          socket.write(frame);
        },
      });
    });
  }

  throttle(throttleMs: number): void {
    if (this.#state === 'open') this.#throttle.extend(throttleMs);
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#throttle.stop();
    for (const connection of this.#pool.pool) {
      connection.rejectRequests(new Error('the connection was closed'));
      connection.requestQueue.destroy();
    }
    this.#socket?.destroy();
  }

  /** kafkajs sets no TCP_NODELAY and does not listen for `close`, which alone comes when a socket is destroyed. */
  #watch(socket: Socket): Socket {
    this.#socket = socket;
    this.#certificateRefusal = this.#shared.ssl === null ? null : watchCertificates(socket);
    socket.setNoDelay(true);
    socket.on('drain', () => {
      if (this.#state === 'open') this.#events.onReady();
    });
    socket.on('close', () => this.#broke(new Error('the broker closed the connection'), this.#unanswered === 0));
    return socket;
  }

  #broke(error: Error, wasIdle = false): void {
    if (this.#state !== 'open') return;
    this.destroy();
    this.#events.onClosed(connectionFailed(error.message, 'unknown', error), wasIdle);
  }

  /** The broker bounds a login's life (KIP-368): log in again before it ends. @throws KafkaError */
  #reauthenticate(connection: KafkajsConnection): Promise<void> {
    this.#reauthentication ??= connection
      .authenticate()
      .then(
        () => {
          fitReauthentication(connection);
          if (this.#state === 'open') this.#events.onReady();
        },
        (error: unknown) => {
          const failure = toConnectError(error);
          this.#broke(failure);
          throw failure;
        },
      )
      .finally(() => {
        this.#reauthentication = null;
      });
    return this.#reauthentication;
  }
}

/** With kafkajs's fixed threshold a session shorter than it would never be ready: it would only log in again. */
function fitReauthentication(connection: KafkajsConnection): void {
  const lifetimeMs = Number(String(connection.sessionLifetime));
  connection.reauthenticationThreshold = Math.floor(
    Math.min(reauthenticateBeforeMs, lifetimeMs * reauthenticateAtPart),
  );
}

function writeHeader(frame: Buffer, { apiKey, apiVersion, flexible }: WireRequest, correlationId: number): void {
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt16BE(apiKey, 4);
  frame.writeInt16BE(apiVersion, 6);
  frame.writeInt32BE(correlationId, 8);
  frame.writeInt16BE(clientId.length, 12);
  frame.write(clientId, 14, 'latin1');
  if (flexible) frame.writeUInt8(0, headerBytes); // no tagged fields
}

function toRequestError(error: unknown, wire: 'untouched' | 'unknown'): KafkaError {
  if (error instanceof KafkaError) return error;
  if (error instanceof Error && error.name === 'KafkaJSRequestTimeoutError') return timedOut(wire, error);
  return connectionFailed(error instanceof Error ? error.message : 'the request failed', wire, error);
}

function toConnectError(error: unknown): KafkaError {
  if (error instanceof KafkaError) return error;
  const message = error instanceof Error ? error.message : 'the connection failed';
  if (
    error instanceof Error &&
    (error.name === 'KafkaJSSASLAuthenticationError' || error.name === 'KafkaJSProtocolError')
  ) {
    return new KafkaError('AUTHENTICATION_FAILED', message, { retriable: false, wire: 'untouched', cause: error });
  }
  return connectionFailed(message, 'untouched', error);
}
