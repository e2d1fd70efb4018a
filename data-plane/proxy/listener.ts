import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { bindPort } from '../../shared/bind-port.ts';
import type { OpenExchange } from '../plugin-api/exchange.ts';
import type { ConnectionServer } from './connection-server.ts';
import { createHttp1Server } from './http1-server.ts';
import { createHttp2Server } from './http2-server.ts';
import type { ListenerContext } from './listener-context.ts';
import { type LimitName, listenerLimits, type ListenerLimits } from './listener-limits.ts';
import { RequestBodies } from './request-bodies.ts';
import { SendWatch } from './send-watch.ts';
import { sniffProtocol } from './sniff-protocol.ts';
import { createTlsAcceptor, type TlsOptions } from './tls-acceptor.ts';
import { createTrustedAddresses } from './trusted-addresses.ts';

export interface ListenerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Another process has bound the port; its connections come by `take`. */
  readonly isBoundElsewhere?: boolean;
  readonly handle: (exchange: OpenExchange) => void;
  /** Whether a request that offers another protocol goes to a service that may take the offer; none does by default. */
  readonly takesUpgrade?: (exchange: OpenExchange) => boolean;
  readonly bodyBytesMax: number;
  /** Addresses and CIDRs whose X-Forwarded-* is believed. */
  readonly trustedIps: readonly string[];
  readonly limits?: Partial<ListenerLimits>;
  /** With it the port speaks TLS. */
  readonly tls?: TlsOptions | undefined;
  /** The account of unfinished bodies, when several listeners share it. */
  readonly bodies?: RequestBodies;
  /** A request was refused before it became an exchange: its status. */
  readonly onRefused?: (status: number) => void;
  /** A limit was reached. */
  readonly onLimit?: (limit: LimitName) => void;
  /** The bound port has trouble: a connection could not be accepted. */
  readonly onError?: (error: Error) => void;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly connections: { readonly accepted: number; readonly active: number };
  /** Serves a connection that another process accepted; it is paused. */
  take(socket: Socket): void;
  /**
   * Accepts no connection any more. Every answer ends its connection from here on; a connection without a request is left
   * open for one more request for a moment. Resolves when the last connection ended.
   */
  drain(): Promise<void>;
  /** Closes what is left; returns how many connections were cut before their last answer. */
  destroy(): number;
}

/** A listener at work. */
interface ListenerState {
  readonly context: ListenerContext;
  readonly servers: Readonly<Record<'http1' | 'http2', ConnectionServer>>;
  /** Every connection that was accepted, as it is on the wire. */
  readonly open: Map<Socket, SendWatch>;
  /** Connections that nobody serves yet: their protocol is not known, or their handshake not done. */
  readonly silent: Set<Socket>;
  accepted: number;
  onEmpty: () => void;
}

/** Accepts connections on a port, bounds them and hands each to the server of its protocol. Rejects when the port cannot be bound. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const context = createContext(options);
  const servers = { http1: createHttp1Server(context), http2: createHttp2Server(context) };
  const state: ListenerState = {
    context,
    servers,
    open: new Map(),
    silent: new Set(),
    accepted: 0,
    onEmpty: () => undefined,
  };
  const begin = options.tls === undefined ? sniffing(state) : shakingHands(state, options.tls);
  const acceptor = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(state, socket, begin));
  const { host, port } = options.isBoundElsewhere === true ? options.listen : await bindPort(acceptor, options.listen);
  context.port = port;
  // A connection that could not be accepted is no reason to end the process.
  acceptor.on('error', (error) => options.onError?.(error));
  const checks = setInterval(() => check(state), context.limits.checkMs);
  return {
    host,
    port,
    get connections() {
      return { accepted: state.accepted, active: state.open.size };
    },
    take(socket) {
      // As of a connection that was accepted here: see the acceptor's options.
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      accept(state, socket, begin);
    },
    async drain() {
      await drain(state, acceptor);
      clearInterval(checks);
    },
    destroy() {
      // One that is half-closed has its answer and only waits for its client.
      const left = [...state.open.keys()].filter((socket) => !socket.writableEnded).length;
      for (const socket of state.open.keys()) socket.destroy();
      return left;
    },
  };
}

function accept(state: ListenerState, socket: Socket, begin: (socket: Socket) => void): void {
  const { open, silent, context } = state;
  // Not by `maxConnections`: a worker that refuses so is offered the same connection again, without end.
  if (open.size >= context.limits.connectionsMax) {
    context.onLimit('connections_max');
    socket.destroy();
    return;
  }
  state.accepted += 1;
  open.set(socket, new SendWatch(socket));
  silent.add(socket);
  socket.once('close', () => {
    open.delete(socket);
    if (open.size === 0) state.onEmpty();
  });
  boundHandshake(socket, context, silent);
  begin(socket);
}

/** A cleartext connection is served once its first bytes tell the protocol. */
function sniffing({ silent, servers }: ListenerState): (socket: Socket) => void {
  return (socket) =>
    sniffProtocol(socket, (protocol) => {
      silent.delete(socket);
      servers[protocol].serve(socket, undefined);
    });
}

/** A connection over TLS is served once its handshake is done. */
function shakingHands({ silent, servers, open }: ListenerState, tls: TlsOptions): (socket: Socket) => void {
  return createTlsAcceptor(tls, (raw, socket, protocol, serverName) => {
    silent.delete(raw);
    // What is written goes through the TLS socket alone.
    open.set(raw, new SendWatch(socket));
    servers[protocol].serve(socket, serverName);
  });
}

async function drain(state: ListenerState, acceptor: Server): Promise<void> {
  const { context, silent, open } = state;
  const servers = Object.values(state.servers);
  context.isDraining = true;
  // Connections that wait to be accepted may carry a request already; closing the port would reset them.
  await nextTurn();
  acceptor.close();
  for (const server of servers) server.drain();
  const idleTimer = setTimeout(() => {
    for (const server of servers) server.endIdle();
    for (const socket of silent) socket.destroy();
  }, context.limits.drainIdleMs);
  if (open.size > 0) await new Promise<void>((resolve) => (state.onEmpty = resolve));
  clearTimeout(idleTimer);
  for (const server of servers) server.close();
}

function check({ open, context, servers }: ListenerState): void {
  cutStalled(open, context);
  for (const server of Object.values(servers)) server.check();
}

/** Cuts a connection whose first bytes or TLS handshake take too long: `silent` holds those that nobody serves yet. */
function boundHandshake(socket: Socket, { limits, onLimit }: ListenerContext, silent: Set<Socket>): void {
  // Whoever serves the connection listens for its errors too; until then nobody else does.
  socket.on('error', () => socket.destroy());
  const timer = setTimeout(() => {
    if (!silent.has(socket)) return;
    onLimit('handshake_timeout');
    socket.destroy();
  }, limits.handshakeTimeoutMs);
  socket.once('close', () => {
    clearTimeout(timer);
    silent.delete(socket);
  });
}

function createContext(options: ListenerOptions): ListenerContext {
  const limits = { ...listenerLimits, ...options.limits };
  const nothing = () => undefined;
  return {
    handle: options.handle,
    takesUpgrade: options.takesUpgrade ?? (() => false),
    bodyBytesMax: options.bodyBytesMax,
    limits,
    trusted: createTrustedAddresses(options.trustedIps),
    bodies: options.bodies ?? new RequestBodies(limits.requestBodiesMaxBytes),
    onLimit: options.onLimit ?? nothing,
    onRefused: options.onRefused ?? nothing,
    port: options.listen.port,
    isDraining: false,
  };
}

/** Cuts connections whose clients take nothing of what is written to them. */
function cutStalled(open: ReadonlyMap<Socket, SendWatch>, { limits, onLimit }: ListenerContext): void {
  const nowMs = performance.now();
  for (const [socket, watch] of open) {
    if (watch.stalledMs(nowMs) < limits.sendTimeoutMs) continue;
    onLimit('send_timeout');
    socket.destroy();
  }
}
