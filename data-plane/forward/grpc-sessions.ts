import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { isIP } from 'node:net';
import type { Endpoint } from '../upstreams/endpoint.ts';
import { tlsOptions, type UpstreamTls } from './connections.ts';

export interface GrpcSessionOptions {
  /** null: cleartext with prior knowledge. */
  readonly tls: UpstreamTls | null;
}

/** Streams of a session until the endpoint has told its own limit (RFC 9113, 6.5.2 recommends no less). */
const streamsDefault = 100;
/** Sessions to one endpoint; calls beyond their streams wait in the sessions. */
const sessionsMax = 64;
/** A session without a call is closed after this time. */
const idleMs = 60_000;
/** What the endpoint may send ahead of the client's reading: of one call, and of all calls of a session. */
const streamWindowBytes = 256 * 1024;
const sessionWindowBytes = 1024 * 1024;

/** The connection could not be made. */
export class GrpcConnectError extends Error {
  readonly isTimeout: boolean;

  constructor(message: string, isTimeout: boolean) {
    super(message);
    this.name = 'GrpcConnectError';
    this.isTimeout = isTimeout;
  }
}

/** The HTTP/2 sessions of one gRPC service: as many for each endpoint as its streams need, kept while the plan is in use. */
export class GrpcSessions {
  readonly #options: GrpcSessionOptions;
  readonly #endpoints = new Map<Endpoint, EndpointSessions>();

  constructor(options: GrpcSessionOptions) {
    this.#options = options;
  }

  /** Returns room for a call. `authority` is the name that the certificate must have. @throws GrpcConnectError */
  to(endpoint: Endpoint, authority: string, connectTimeoutMs: number): Promise<GrpcSlot> {
    let sessions = this.#endpoints.get(endpoint);
    if (sessions === undefined) {
      sessions = new EndpointSessions(endpoint, this.#options);
      this.#endpoints.set(endpoint, sessions);
    }
    return sessions.acquire(authority, connectTimeoutMs);
  }

  get size(): number {
    return this.#endpoints.size;
  }

  /** Closes the sessions of endpoints that are gone, each after its last call. */
  keepOnly(endpoints: ReadonlySet<Endpoint>): void {
    for (const [endpoint, sessions] of this.#endpoints) {
      if (endpoints.has(endpoint)) continue;
      this.#endpoints.delete(endpoint);
      sessions.close();
    }
  }

  close(): void {
    this.keepOnly(new Set());
  }
}

/** Room for one call on a connection to an endpoint. */
export interface GrpcSlot {
  /** Begins the call. @throws when the connection has closed; the room is given back then */
  request(fields: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream;
  /** Gives the room back where no call begins. */
  release(): void;
}

/** A session with its calls, those included that have room and are about to begin. */
class Held {
  readonly session: ClientHttp2Session;
  readonly serverName: string;
  streams = 0;

  constructor(session: ClientHttp2Session, serverName: string) {
    this.session = session;
    this.serverName = serverName;
  }

  get hasRoom(): boolean {
    const { closed, destroyed, remoteSettings } = this.session;
    return !closed && !destroyed && this.streams < (remoteSettings.maxConcurrentStreams ?? streamsDefault);
  }

  take(): GrpcSlot {
    this.streams += 1;
    const release = (): void => {
      this.streams -= 1;
    };
    const { session } = this;
    return {
      release,
      request(fields, options) {
        try {
          return session.request(fields, options).once('close', release);
        } catch (error) {
          release();
          throw error;
        }
      },
    };
  }
}

class EndpointSessions {
  readonly #endpoint: Endpoint;
  readonly #options: GrpcSessionOptions;
  readonly #held = new Set<Held>();
  /** Sessions that connect, by server name: calls that come meanwhile wait for it. */
  readonly #connecting = new Map<string, Promise<Held>>();
  #isClosed = false;

  constructor(endpoint: Endpoint, options: GrpcSessionOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
  }

  async acquire(authority: string, connectTimeoutMs: number): Promise<GrpcSlot> {
    const serverName = this.#options.tls === null ? '' : nameOf(authority);
    let held = this.#free(serverName);
    while (held === undefined) {
      const made = await this.#connect(serverName, connectTimeoutMs);
      // Others waited for the same session: there may be no room in it any more.
      held = made.hasRoom ? made : this.#free(serverName);
    }
    return held.take();
  }

  close(): void {
    this.#isClosed = true;
    for (const { session } of this.#held) session.close();
  }

  /** Returns the session with the fewest calls that has room; any, where there may be no further one. */
  #free(serverName: string): Held | undefined {
    const usable = [...this.#held].filter((held) => held.serverName === serverName);
    let best: Held | undefined;
    for (const held of usable) if (best === undefined || held.streams < best.streams) best = held;
    if (best === undefined || best.hasRoom) return best;
    return this.#held.size >= sessionsMax ? best : undefined;
  }

  #connect(serverName: string, timeoutMs: number): Promise<Held> {
    let connecting = this.#connecting.get(serverName);
    if (connecting === undefined) {
      connecting = this.#open(serverName, timeoutMs).finally(() => this.#connecting.delete(serverName));
      this.#connecting.set(serverName, connecting);
    }
    return connecting;
  }

  #open(serverName: string, timeoutMs: number): Promise<Held> {
    const { address, port } = this.#endpoint;
    const { tls } = this.#options;
    const host = isIP(address) === 6 ? `[${address}]` : address;
    const session = connect(`${tls === null ? 'http' : 'https'}://${host}:${port}`, sessionOptions(tls, serverName));
    const held = new Held(session, serverName);
    return new Promise((resolve, reject) => {
      let failure: Error | undefined;
      const timer = setTimeout(() => {
        failure = new GrpcConnectError('connect timeout', true);
        session.destroy();
      }, timeoutMs);
      session.on('error', (error: Error) => (failure ??= new GrpcConnectError(error.message, false)));
      session.once('close', () => {
        clearTimeout(timer);
        this.#held.delete(held);
        reject(failure ?? new GrpcConnectError('the connection was closed', false));
      });
      // RFC 9113, 6.8: calls above the last stream of GOAWAY were not taken; new ones need another connection.
      session.once('goaway', () => this.#held.delete(held));
      session.once('connect', () => {
        clearTimeout(timer);
        session.setLocalWindowSize(sessionWindowBytes);
        session.setTimeout(idleMs, () => {
          if (held.streams === 0) session.close();
        });
        if (this.#isClosed) session.close();
        else this.#held.add(held);
        resolve(held);
      });
    });
  }
}

function sessionOptions(tls: UpstreamTls | null, serverName: string): SecureClientSessionOptions {
  const settings = { enablePush: false, initialWindowSize: streamWindowBytes };
  if (tls === null) return { settings };
  // An address is no server name (RFC 6066, 3).
  const name = isIP(serverName) === 0 ? { servername: serverName } : { servername: '' };
  return { settings, ...tlsOptions(tls), ...name, ALPNProtocols: ['h2'] };
}

function nameOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, authority.indexOf(']'));
  return authority.split(':')[0] ?? '';
}
