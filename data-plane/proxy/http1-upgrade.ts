import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { endGently } from '../../shared/end-gently.ts';
import { HeldBytes } from './held-bytes.ts';
import type { Http1Connection } from './http1-connection.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { rawRefusal } from './http1-refusal.ts';
import { authorityOf, faultOf } from './http1-request-check.ts';
import type { ListenerContext } from './listener-context.ts';

/** A request whose client asks for another protocol. */
interface Offer {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly connection: Http1Connection;
  readonly held: HeldBytes;
  /** Lets the answers on the connection go on after its client was slow. */
  readonly relay: () => void;
}

/**
 * Handles requests with `Connection: Upgrade`, for each of which node:http lets go of the connection. Where a service may
 * take the offer, the request goes there and the connection with it. Everywhere else the offer is ignored (RFC 9110, 7.8):
 * the request is served as if it had none, and so is what came behind it.
 *
 * @param serve gives a connection to node:http
 */
export function createUpgradeHandler(
  context: ListenerContext,
  serve: (socket: Socket) => void,
): (request: IncomingMessage, head: Buffer, connection: Http1Connection) => void {
  return (request, head, connection) => {
    const { socket } = connection;
    const held = new HeldBytes(socket, head);
    // node:http did this until it let go.
    const relay = (): void => void responseOn(socket)?.emit('drain');
    socket.on('drain', relay);
    const offer = { request, socket, connection, held, relay };
    connection.whenAnswered(() => answer(offer, context, serve));
  };
}

function answer(offer: Offer, context: ListenerContext, serve: (socket: Socket) => void): void {
  const { request, socket, connection, held, relay } = offer;
  if (socket.destroyed) return;
  const fault = faultOf(request, context.limits);
  const authority = authorityOf(request);
  if (fault !== undefined || authority === undefined) {
    if (fault?.limit !== undefined) context.onLimit(fault.limit);
    const status = fault?.status ?? 400;
    held.release();
    connection.end();
    endGently(socket, rawRefusal(status), context.limits.lingerMs);
    context.onRefused(status);
    return;
  }
  const exchange = exchangeOf(offer, context, authority);
  if (exchange !== undefined) {
    context.handle(exchange);
    return;
  }
  socket.off('drain', relay);
  socket.setTimeout(0);
  connection.forgetPauses();
  held.release(headWithoutOffer(request));
  serve(socket);
}

/** Returns the exchange of a request that may switch protocols; undefined where no service could take the offer. */
function exchangeOf(
  { request, socket, connection, held }: Offer,
  context: ListenerContext,
  authority: string,
): Http1Exchange | undefined {
  const protocols = protocolsOf(request);
  if (protocols === undefined) return undefined;
  const response = new ServerResponse(request);
  const upgrade = { protocols, release: () => held.release() };
  const exchange = new Http1Exchange(request, response, context, connection, authority, false, upgrade);
  if (!context.takesUpgrade(exchange)) return undefined;
  connection.startLast(response);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    held.release();
    endGently(socket, undefined, context.limits.lingerMs);
  });
  held.whenEnded(() => socket.destroy());
  return exchange;
}

/**
 * Returns the protocols that are offered to a service. HTTP/2 is not (RFC 9113 has no such offer any more), nor is
 * anything behind a body: it would have to be sent before the protocols are switched.
 */
function protocolsOf({ headers, httpVersion }: IncomingMessage): string | undefined {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (httpVersion !== '1.1' || hasBody || headers.expect !== undefined) return undefined;
  const offered = (headers.upgrade ?? '').split(',').map((protocol) => protocol.trim());
  const taken = offered.filter((protocol) => protocol !== '' && !/^h2c?(?:$|\/)/i.test(protocol));
  return taken.length === 0 ? undefined : taken.join(', ');
}

function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  }
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
}

function responseOn(socket: Socket): ServerResponse | null | undefined {
  // There is no public name for the response that a socket sends.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
}
