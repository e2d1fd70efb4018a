import type { Exchange } from '../../plugin-api/exchange.ts';
import { loginsOf } from '../../plugin-api/authorization-header.ts';

/** What a client says about its signature. */
export interface ClientSignature {
  readonly username: string;
  readonly algorithm: string;
  /** Names in the order of the signing string, as they are written; no two are the same. */
  readonly headers: readonly string[];
  readonly signature: Buffer;
}

/** Returns the signature of a request (draft-cavage-http-signatures); undefined where none can be read. */
export function clientSignatureOf(exchange: Exchange): ClientSignature | undefined {
  for (const text of loginsOf(exchange, 'hmac')) {
    const signature = parseSignature(text);
    if (signature !== undefined) return signature;
  }
  return undefined;
}

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Reads `username="…", algorithm="…", headers="…", signature="…"`, in any order. */
function parseSignature(text: string): ClientSignature | undefined {
  const parameters = parseParameters(text);
  const username = parameters?.get('username') ?? '';
  const algorithm = parameters?.get('algorithm') ?? '';
  const signature = parameters?.get('signature') ?? '';
  const headers = (parameters?.get('headers') ?? '').split(' ').filter((name) => name !== '');
  if (username === '' || algorithm === '' || headers.length === 0 || !base64.test(signature)) return undefined;
  // A long header that is named a thousand times would be signed a thousand times.
  const names = new Set(headers.map((name) => name.toLowerCase()));
  if (names.size < headers.length) return undefined;
  return { username, algorithm, headers, signature: Buffer.from(signature, 'base64') };
}

/** Returns the parameters; undefined where the text is malformed or repeats a name. Takes one pass. */
function parseParameters(text: string): ReadonlyMap<string, string> | undefined {
  const parameter = /[ \t]*([a-z]+)="([^"]*)"[ \t]*(?:,|$)/y;
  const found = new Map<string, string>();
  while (parameter.lastIndex < text.length) {
    const [, name, value] = parameter.exec(text) ?? [];
    if (name === undefined || value === undefined || found.has(name)) return undefined;
    found.set(name, value);
  }
  return found;
}
