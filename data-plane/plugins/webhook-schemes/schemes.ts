import { isRecord } from '../../../shared/schema/is-record.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';

export interface Signature {
  readonly kind: 'hmac' | 'ed25519';
  readonly bytes: Buffer;
}

/** What the headers of a webhook say about its signature. */
export interface SignedHead {
  /** Is signed together with the body, before it. */
  readonly prefix: string;
  /** One of them has to be valid. */
  readonly signatures: readonly Signature[];
  /** The signed time, in seconds since 1970; null where the scheme has none. */
  readonly timestamp: number | null;
  /** The signed id of a verified webhook; undefined where the scheme has none. */
  readonly idOf: (body: Buffer) => string | undefined;
}

export type SchemeName = 'standard' | 'stripe' | 'github' | 'slack';

/** Reads what a scheme's headers say; undefined where one is missing, given twice or malformed. */
export type ReadHead = (headers: HeaderList) => SignedHead | undefined;

/** Signatures of one request that are tried; senders give one or two while they change their keys. */
const signaturesMax = 10;

export const schemes: Readonly<Record<SchemeName, ReadHead>> = { standard, stripe, github, slack };

/** https://www.standardwebhooks.com, signatures `v1` (HMAC-SHA256) and `v1a` (Ed25519). */
function standard(headers: HeaderList): SignedHead | undefined {
  const id = single(headers, 'webhook-id');
  const time = single(headers, 'webhook-timestamp');
  const list = single(headers, 'webhook-signature');
  const timestamp = secondsOf(time);
  if (id === undefined || id === '' || list === undefined || timestamp === undefined) return undefined;
  const signatures = list.split(' ', signaturesMax).flatMap((part) => {
    const [version = '', text = ''] = part.split(',', 2);
    if (version === 'v1') return signatureOf('hmac', fromBase64(text));
    return version === 'v1a' ? signatureOf('ed25519', fromBase64(text)) : [];
  });
  return { prefix: `${id}.${time}.`, signatures, timestamp, idOf: () => id };
}

/** `t=…,v1=…`; a header for tests has `v0` beside it, which does not count. */
function stripe(headers: HeaderList): SignedHead | undefined {
  const items = single(headers, 'stripe-signature')?.split(',') ?? [];
  const valuesOf = (name: string): string[] =>
    items
      .map((item) => item.trim())
      .flatMap((item) => (item.startsWith(`${name}=`) ? item.slice(name.length + 1) : []));
  const [time, ...others] = valuesOf('t');
  const timestamp = secondsOf(time);
  if (timestamp === undefined || others.length > 0) return undefined;
  const signatures = valuesOf('v1')
    .slice(0, signaturesMax)
    .flatMap((text) => signatureOf('hmac', fromHex(text)));
  return { prefix: `${time}.`, signatures, timestamp, idOf: stripeEventId };
}

function github(headers: HeaderList): SignedHead | undefined {
  const text = single(headers, 'x-hub-signature-256');
  if (text === undefined || !text.startsWith('sha256=')) return undefined;
  const signatures = signatureOf('hmac', fromHex(text.slice('sha256='.length)));
  return { prefix: '', signatures, timestamp: null, idOf: () => undefined };
}

function slack(headers: HeaderList): SignedHead | undefined {
  const time = single(headers, 'x-slack-request-timestamp');
  const text = single(headers, 'x-slack-signature');
  const timestamp = secondsOf(time);
  if (text === undefined || !text.startsWith('v0=') || timestamp === undefined) return undefined;
  const signatures = signatureOf('hmac', fromHex(text.slice('v0='.length)));
  return { prefix: `v0:${time}:`, signatures, timestamp, idOf: () => undefined };
}

function stripeEventId(body: Buffer): string | undefined {
  try {
    const event: unknown = JSON.parse(body.toString('utf8'));
    return isRecord(event) && typeof event['id'] === 'string' ? event['id'] : undefined;
  } catch {
    return undefined;
  }
}

/** Two headers of a name could be read one way by us and another way by whoever is behind. */
function single(headers: HeaderList, name: string): string | undefined {
  const [value, ...others] = headers.all(name);
  return others.length > 0 ? undefined : value;
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

function signatureOf(kind: Signature['kind'], bytes: Buffer | undefined): Signature[] {
  return bytes === undefined ? [] : [{ kind, bytes }];
}

function fromHex(text: string): Buffer | undefined {
  return /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

function fromBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/]{43,88}={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}
