import {
  requestTransformerSchema,
  type RequestTransformerConfig,
} from '../../../shared/plugin-schemas/request-transformer.ts';
import { splitPair } from '../../../shared/plugin-schemas/transformer-fields.ts';
import type { TemplateSource } from '../../../shared/plugin-schemas/value-template.ts';
import type { Answer, Exchange } from '../../plugin-api/exchange.ts';
import type { PluginDefinition } from '../../plugin-api/plugin-definition.ts';
import { plainAnswer } from '../../plugin-api/standard-answers.ts';
import { applyChanges, isEmpty, type Changes, type NamedChange } from '../transforms/changes.ts';
import { headerValues } from '../transforms/header-values.ts';
import { JsonObject } from '../transforms/json-object.ts';
import { PairList } from '../transforms/pair-list.ts';
import { compileTemplate, RequestValues } from './template-values.ts';

/** Changes requests before services and records see them. */
export const requestTransformer: PluginDefinition<RequestTransformerConfig> = {
  version: requestTransformerSchema.version,
  priority: requestTransformerSchema.priority,
  publishes: false,
  isTriable: true,
  create(config) {
    const setPath = compilePath(config);
    const setMethod = compileMethod(config);
    const changeHeaders = compileHeaders(config);
    const changeBody = compileBody(config);
    const changeQuery = compileQuery(config);
    return {
      kind: 'created',
      instance: {
        access(exchange) {
          // Templates see the request as it came.
          const values = new RequestValues(exchange);
          const refusal = setPath(exchange, values);
          if (refusal !== undefined) return refusal;
          changeHeaders(exchange, values);
          changeQuery(exchange, values);
          const changed = setMethod(exchange);
          if (changed === undefined) return changeBody(exchange, values);
          return changed.then(() => changeBody(exchange, values));
        },
      },
    };
  },
};

type Part = 'body' | 'headers' | 'querystring';

function changesOf<Value>(
  { remove, rename, replace, add, append }: RequestTransformerConfig,
  part: Part,
  toValue: (text: string) => Value,
): Changes<Value, RequestValues> {
  const compile = (texts: readonly string[]): NamedChange<Value, RequestValues>[] =>
    texts.flatMap((text) => {
      const pair = splitPair(text);
      if (pair === undefined) return [];
      const make = compileTemplate(pair[1]);
      return [{ name: pair[0], make: (values) => toValue(make(values)) }];
    });
  return {
    remove: remove[part],
    rename: rename[part].flatMap((text) => {
      const pair = splitPair(text);
      return pair === undefined ? [] : [pair];
    }),
    replace: compile(replace[part]),
    add: compile(add[part]),
    append: compile(append[part]),
  };
}

type Change = (exchange: Exchange, values: RequestValues) => void;
const nothing: Change = () => undefined;

function compileHeaders(config: RequestTransformerConfig): Change {
  const changes = changesOf(config, 'headers', (text) => text);
  if (isEmpty(changes)) return nothing;
  return (exchange, values) => {
    const { headers } = exchange;
    const before = headers.get('host');
    applyChanges(headerValues(headers), changes, values);
    const host = headers.get('host');
    if (host !== undefined && host !== before) exchange.forwardAs = { ...exchange.forwardAs, host };
  };
}

function compileQuery(config: RequestTransformerConfig): Change {
  const changes = changesOf(config, 'querystring', (text) => text);
  if (isEmpty(changes)) return nothing;
  return (exchange, values) => {
    const query = new PairList(exchange.query);
    applyChanges(query, changes, values);
    exchange.rewriteQuery(query.toString());
  };
}

/** A form or a JSON object is changed; every other body goes on as it is. */
function compileBody(
  config: RequestTransformerConfig,
): (exchange: Exchange, values: RequestValues) => undefined | Promise<undefined> {
  const ofJson = changesOf(config, 'body', (text) => JSON.stringify(text));
  const ofForm = changesOf(config, 'body', (text) => text);
  if (isEmpty(ofJson)) return () => undefined;
  return (exchange, values) => {
    const kind = bodyKind(exchange);
    if (kind === undefined || exchange.headers.get('content-encoding') !== undefined) return undefined;
    return exchange.readBody().then((body) => {
      const text = body.toString('utf8');
      if (kind === 'json') {
        const object = JsonObject.parse(text);
        if (object === undefined) return undefined;
        applyChanges(object, ofJson, values);
        exchange.rewriteBody(Buffer.from(object.toString()));
      } else {
        const form = new PairList(text);
        applyChanges(form, ofForm, values);
        exchange.rewriteBody(Buffer.from(form.toString()));
      }
      return undefined;
    });
  };
}

function bodyKind({ headers }: Exchange): 'json' | 'form' | undefined {
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  const mediaType = type.trim().toLowerCase();
  if (mediaType === 'application/x-www-form-urlencoded') return 'form';
  return mediaType === 'application/json' || mediaType.endsWith('+json') ? 'json' : undefined;
}

/** A request with another path; an answer where the request's own values would lead out of it. */
function compilePath({
  replace,
}: RequestTransformerConfig): (exchange: Exchange, values: RequestValues) => Answer | undefined {
  if (replace.uri === null) return () => undefined;
  const make = compileTemplate(replace.uri, escapePath);
  return (exchange, values) => {
    const made = make(values);
    const path = made.startsWith('/') ? made : `/${made}`;
    if (/\/\.{1,2}(?:\/|$)/.test(path)) return plainAnswer(exchange, 400, 'Bad request');
    exchange.forwardAs = { ...exchange.forwardAs, path };
    return undefined;
  };
}

/**
 * Escapes what may not stand in a path (RFC 3986 section 3.3). Captures are parts of a path and hold escapes already; a
 * `%` of any other value is a text.
 */
function escapePath(value: string, source: TemplateSource): string {
  const kept =
    source === 'uri_captures'
      ? /%(?![0-9a-fA-F]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu
      : /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/gu;
  return value.replaceAll(kept, (found) => encodeURIComponent(Buffer.from(found).toString()));
}

const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'TRACE']);

/** With a method that has no body, the fields of a form become arguments of the query, as in Kong. */
function compileMethod({
  http_method: method,
}: RequestTransformerConfig): (exchange: Exchange) => Promise<void> | undefined {
  if (method === null) return () => undefined;
  return (exchange) => {
    exchange.forwardAs = { ...exchange.forwardAs, method };
    if (!bodiless.has(method) || bodyKind(exchange) !== 'form') return undefined;
    return exchange.readBody().then((body) => {
      const both = [exchange.query, body.toString('utf8')].filter((text) => text !== '');
      exchange.rewriteQuery(both.join('&'));
    });
  };
}
