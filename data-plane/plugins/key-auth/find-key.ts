import type { KeyAuthConfig } from '../../../shared/plugin-schemas/key-auth.ts';
import { isRecord } from '../../../shared/schema/is-record.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { withoutMember } from '../../plugin-api/json-member.ts';
import { argNamed, parseArgs, withoutArg, type Arg, type ArgMap } from '../../plugin-api/query-args.ts';

export type FoundKey =
  | { readonly kind: 'none' }
  | { readonly kind: 'several' }
  /** `name` is that of the header, argument or field. */
  | { readonly kind: 'one'; readonly key: string; readonly name: string };

/** The fields of a body that may hold a key. */
export interface BodyFields {
  valueOf(name: string): unknown;
  /** Returns the body without a field. */
  without(name: string): Buffer;
}

type Place = (exchange: Exchange, fields: BodyFields | undefined) => unknown;

/** Compiles where keys are looked for: under one name after the other, in header, query and body. */
export function compileFindKey(
  config: KeyAuthConfig,
): (exchange: Exchange, fields: BodyFields | undefined) => FoundKey {
  const places = config.key_names.map((name) => ({ name, values: placesOf(config, name) }));
  return (exchange, fields) => {
    for (const { name, values } of places) {
      for (const valueIn of values) {
        const value = valueIn(exchange, fields);
        if (Array.isArray(value)) return { kind: 'several' };
        if (typeof value === 'string') return value === '' ? { kind: 'none' } : { kind: 'one', key: value, name };
      }
    }
    return { kind: 'none' };
  };
}

function placesOf({ key_in_header, key_in_query, key_in_body }: KeyAuthConfig, name: string): readonly Place[] {
  const lower = name.toLowerCase();
  const places: Place[] = [];
  if (key_in_header) places.push(({ headers }) => oneOrMany(headers.all(lower)));
  if (key_in_query) places.push(({ query }) => argNamed(query, name));
  if (key_in_body) places.push((_exchange, fields) => fields?.valueOf(name));
  return places;
}

function oneOrMany(values: readonly string[]): Arg | undefined {
  return values.length > 1 ? values : values[0];
}

/** Compiles how a key is taken out of everywhere that its name may stand. */
export function compileHideKey(): (exchange: Exchange, name: string, fields: BodyFields | undefined) => void {
  return (exchange, name, fields) => {
    exchange.headers.remove(name.toLowerCase());
    if (exchange.query !== '') exchange.rewriteQuery(withoutArg(exchange.query, name));
    if (fields !== undefined && fields.valueOf(name) !== undefined) exchange.rewriteBody(fields.without(name));
  };
}

/** Compiles how keys under all names are taken out of headers and query, without a look at the body. */
export function compileHideAll(names: readonly string[]): (exchange: Exchange) => void {
  const hide = compileHideKey();
  return (exchange) => {
    for (const name of names) hide(exchange, name, undefined);
  };
}

/** Compiles how the fields of a form or of a JSON object are read; other bodies have none. */
export function compileReadFields(): (exchange: Exchange) => Promise<BodyFields | undefined> {
  return async (exchange) => {
    const [type = ''] = (exchange.headers.get('content-type') ?? '').split(';');
    const mediaType = type.trim().toLowerCase();
    const isForm = mediaType === 'application/x-www-form-urlencoded';
    if (!isForm && mediaType !== 'application/json' && !mediaType.endsWith('+json')) return undefined;
    const text = (await exchange.readBody()).toString('utf8');
    return isForm ? formFields(text, parseArgs(text).args) : jsonFields(text);
  };
}

function formFields(text: string, args: ArgMap): BodyFields {
  return {
    valueOf: (name) => args.get(name),
    without: (name) => Buffer.from(withoutArg(text, name)),
  };
}

/** Undefined where the text is no JSON object. */
function jsonFields(text: string): BodyFields | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(parsed)) return undefined;
  const members = parsed;
  return {
    valueOf: (name) => (Object.hasOwn(members, name) ? members[name] : undefined),
    without: (name) => Buffer.from(withoutMember(text, name)),
  };
}
