import { performServerHandshake, type ServerOptions } from 'node:http2';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { ConnectionServer } from './connection-server.ts';
import { Http2Connection } from './http2-connection.ts';
import type { ListenerContext } from './listener-context.ts';

/** A header list up to this many times the limit is decoded and answered 431; a longer one ends its stream or connection. */
const headerSlack = 2;

/** Serves HTTP/2 on connections that a listener accepted. */
export function createHttp2Server(context: ListenerContext): ConnectionServer {
  const options = sessionOptions(context);
  const open = new Set<Http2Connection>();
  return {
    serve(socket, sni) {
      // A client that has ended its side sends no more frames: the session is over.
      socket.allowHalfOpen = false;
      socket.once('finish', () => cutLater(socket, context.limits.lingerMs));
      const session = performServerHandshake(socket, options);
      const connection = new Http2Connection(session, sni, context);
      open.add(connection);
      session.once('close', () => open.delete(connection));
      if (context.isDraining) connection.drain();
    },
    drain() {
      for (const connection of open) connection.drain();
    },
    endIdle() {
      for (const connection of open) connection.end();
    },
    check() {
      const nowMs = performance.now();
      for (const connection of open) connection.check(nowMs);
    },
    close() {},
  };
}

/** Cuts a half-closed connection unless its client closes it in time. */
function cutLater(socket: Socket, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

function sessionOptions({ limits }: ListenerContext): ServerOptions {
  return {
    // One pseudo-header field more than ours each, so that the count can be seen and answered.
    maxHeaderListPairs: limits.headersMax * headerSlack,
    settings: {
      maxConcurrentStreams: limits.http2StreamsMax,
      maxHeaderListSize: limits.headerBytesMax * headerSlack,
      enablePush: false,
    },
  };
}
