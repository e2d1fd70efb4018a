import type { Readable } from 'node:stream';
import type { HeaderList } from '../plugin-api/header-list.ts';
import type { ListenerContext } from './listener-context.ts';
import { readBody } from './read-body.ts';
import { claimsHttps } from './request-target.ts';
import { clientBehind } from './trusted-addresses.ts';

/** The facts of a request that its listener's context decides, the same for each protocol. */

/** Returns the client's address, found through trusted proxies. */
export function clientAddressOf({ trusted }: ListenerContext, peer: string, headers: HeaderList): string {
  return trusted.isEmpty ? peer : clientBehind(trusted, peer, headers.all('x-forwarded-for'));
}

/** Returns whether the X-Forwarded-* headers of a peer are believed. */
export function isTrustedPeer({ trusted }: ListenerContext, peer: string): boolean {
  return !trusted.isEmpty && trusted.has(peer);
}

/** Returns whether the client came over TLS: to this listener, or to a trusted proxy that says so. */
export function isSecure(
  context: ListenerContext,
  { sni, peerAddress }: { readonly sni: string | undefined; readonly peerAddress: string },
  headers: HeaderList,
): boolean {
  if (sni !== undefined) return true;
  return !context.trusted.isEmpty && claimsHttps(headers) && context.trusted.has(peerAddress);
}

export interface RequestBody {
  readonly stream: Readable;
  /** Content-Length; null: not declared. */
  readonly declaredBytes: number | null;
  /** Whether the client broke the request off, where the end of the stream does not tell. */
  readonly isBroken?: () => boolean;
  readonly onComplete: () => void;
}

/** Reads the body of a request whole, within the bounds of its listener. */
export function readWhole({ bodyBytesMax, bodies, onLimit }: ListenerContext, body: RequestBody): Promise<Buffer> {
  return readBody({ ...body, bytesMax: bodyBytesMax, bodies, onFull: () => onLimit('request_bodies_max') });
}
