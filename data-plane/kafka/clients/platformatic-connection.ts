import { isIP } from 'node:net';
import type * as Platformatic from '@platformatic/kafka';
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
import { type PlatformaticSasl, watchCertificates } from './security-options.ts';
import { withinTime } from '../../../shared/within-time.ts';

const clientId = 'sluice';
/** More than there are lanes: its own queue must never hold a request back, or nobody knows whether it left. */
const inFlightMax = 1_000_000;

/** The library logs in again when four fifths of a session are over (KIP-368); after this part nothing more is sent. */
const sessionUsedPart = 0.9;

/** Only for nodes that use it: it takes longer to load than all else together. */
export function loadPlatformatic(): Promise<typeof Platformatic> {
  return import('@platformatic/kafka');
}

/** Settings that the connections of one client share. */
export interface PlatformaticCluster {
  readonly cluster: ClusterSettings;
  readonly requestTimeoutMs: number;
  readonly sasl: PlatformaticSasl | null;
  readonly tls: Record<string, unknown> | null;
}

/**
 * One connection through @platformatic/kafka's Connection: its sockets, TLS, logins, framing and time-outs.
 *
 * After a time-out that library does not consume the late answer and mistakes its bytes for the next one's, so a
 * connection is given up as soon as one request on it has timed out.
 */
export class PlatformaticBrokerConnection implements BrokerConnection {
  readonly #shared: PlatformaticCluster;
  readonly #address: BrokerAddress;
  readonly #events: BrokerConnectionEvents;
  #library: typeof Platformatic | null = null;
  #connection: Platformatic.Connection | null = null;
  #state: 'new' | 'open' | 'closed' = 'new';
  #sessionEndsAtMs = Infinity;
  /** Requests without an answer. */
  #unanswered = 0;
  #versions: ReadonlyMap<number, number> = new Map();
  readonly #throttle: Throttle;

  constructor(shared: PlatformaticCluster, address: BrokerAddress, events: BrokerConnectionEvents) {
    this.#shared = shared;
    this.#address = address;
    this.#events = events;
    this.#throttle = new Throttle(() => events.onReady());
  }

  async open(): Promise<void> {
    const { cluster, requestTimeoutMs, sasl, tls } = this.#shared;
    const { host, port } = this.#address;
    this.#library = await loadPlatformatic();
    if (this.#state === 'closed') throw connectionFailed('the connection was closed', 'untouched');
    const connection = new this.#library.Connection(clientId, {
      connectTimeout: cluster.connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      maxInflights: inFlightMax,
      handleBackPressure: false,
      ...(sasl === null
        ? {}
        : {
            sasl: sasl((lifetimeMs) => {
              this.#sessionEndsAtMs = performance.now() + lifetimeMs * sessionUsedPart;
            }),
          }),
      ...(tls === null ? {} : { tls }),
      ...(tls === null || isIP(host) !== 0 ? {} : { tlsServerName: host }),
    });
    this.#connection = connection;
    // Without a listener an `error` event ends the process; what it says comes through connect() or `close` too.
    connection.on('error', (error) => this.#broke(error));
    connection.on('close', () => this.#broke(new Error('the broker closed the connection'), this.#unanswered === 0));
    let certificateRefusal: (() => KafkaError | undefined) | undefined;
    try {
      const connecting = connection.connect(host, port);
      if (tls !== null) certificateRefusal = watchCertificates(connection.socket);
      await connecting;
      this.#versions = await askVersions(this.#library, connection, cluster.connectTimeoutMs);
    } catch (error) {
      throw certificateRefusal?.() ?? toConnectError(error);
    }
    // destroy() may have run meanwhile.
    if (this.#isClosed()) throw connectionFailed('the connection was closed', 'untouched');
    this.#state = 'open';
    connection.on('connect', () => this.#becameReady());
    connection.socket.on('drain', () => this.#becameReady());
  }

  isReady(): boolean {
    const connection = this.#connection;
    if (this.#state !== 'open' || connection === null || !connection.isConnected()) return false;
    if (connection.socket.writableNeedDrain) return false;
    if (this.#sessionEndsAtMs !== Infinity && performance.now() >= this.#sessionEndsAtMs) {
      // The library's own timer is late when the event loop is, and brokers hang up on what comes after the end.
      connection.reauthenticate();
      return false;
    }
    return this.#throttle.isOver;
  }

  highestVersion(apiKey: number): number {
    return this.#versions.get(apiKey) ?? -1;
  }

  exchange(request: WireRequest): Promise<Buffer | null> {
    const connection = this.#connection;
    const library = this.#library;
    if (connection === null || library === null || this.#state !== 'open' || !connection.isConnected()) {
      return Promise.reject(connectionFailed('the connection is down', 'untouched'));
    }
    let body: Buffer;
    try {
      body = encodeRequest(request, 0);
    } catch (error) {
      return Promise.reject(toRequestError(error, 'untouched'));
    }
    return new Promise((resolve, reject) => {
      const createPayload = (): Platformatic.Writer => {
        const writer = library.Writer.create().append(body);
        if (!request.expectsAnswer) writer.context['noResponse'] = true;
        return writer;
      };
      // Connected, and nothing is queued: from here on the bytes may have left.
      corkThisTurn(connection.socket);
      this.#unanswered++;
      connection.send(
        request.apiKey,
        request.apiVersion,
        createPayload,
        (_correlationId, _apiKey, _apiVersion, reader) => reader.buffer.slice(reader.position),
        request.flexible,
        request.flexible,
        (error, answer) => {
          if (error !== null && error !== undefined) {
            reject(toRequestError(error, 'unknown'));
            this.#broke(error);
          } else {
            this.#unanswered--;
            resolve(request.expectsAnswer ? (answer ?? null) : null);
          }
        },
      );
    });
  }

  throttle(throttleMs: number): void {
    if (this.#state === 'open') this.#throttle.extend(throttleMs);
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#throttle.stop();
    const connection = this.#connection;
    if (connection === null) return;
    // Ends its timer for re-authentication; destroying the socket then rejects what is in flight.
    const { socket } = connection;
    connection.close().catch(() => undefined);
    socket?.destroy();
    // While it still connects it listens to no `close` of the socket, and its timer would live on.
    connection.emit('close');
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #becameReady(): void {
    if (this.#state === 'open') this.#events.onReady();
  }

  #broke(error: Error, wasIdle = false): void {
    if (this.#state !== 'open') return;
    this.destroy();
    // A login that could not be renewed has its reason inside.
    this.#events.onClosed(connectionFailed(toConnectError(error).message, 'unknown', error), wasIdle);
  }
}

/**
 * Asks for the highest version of each API. A socket that connects proves little, since that of a stopped broker does
 * too: a broker counts as up only once it has answered.
 */
function askVersions(
  library: typeof Platformatic,
  connection: Platformatic.Connection,
  timeoutMs: number,
): Promise<ReadonlyMap<number, number>> {
  const answered = new Promise<ReadonlyMap<number, number>>((resolve, reject) => {
    library.apiVersionsV3.api(connection, clientId, '1', (error, answer) => {
      if (error === null || error === undefined) {
        resolve(new Map(answer?.apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion])));
      } else {
        reject(error);
      }
    });
  });
  return withinTime(answered, timeoutMs, () => {
    throw new Error(`no answer within ${timeoutMs} ms`);
  });
}

function toRequestError(error: unknown, wire: 'untouched' | 'unknown'): KafkaError {
  if (error instanceof KafkaError) return error;
  const message = error instanceof Error ? error.message : 'the request failed';
  if (message === 'Request timed out') {
    return timedOut(wire, error);
  }
  return connectionFailed(message, wire, error);
}

function toConnectError(error: unknown): KafkaError {
  // The message of the whole hides why: the cause says it.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof KafkaError) return cause;
  const message = cause instanceof Error ? cause.message : 'the connection failed';
  // A handshake that broke off bears the same error as one that the broker refused, but another cause.
  if (isCoded(cause, 'PLT_KFK_AUTHENTICATION') && isCoded(cause.cause, 'PLT_KFK_RESPONSE')) {
    return new KafkaError('AUTHENTICATION_FAILED', message, { retriable: false, wire: 'untouched', cause: error });
  }
  return connectionFailed(message, 'untouched', error);
}

function isCoded(error: unknown, code: string): error is Error {
  return error instanceof Error && 'code' in error && error.code === code;
}
