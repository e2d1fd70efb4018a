import { RequestError, type ErrorCode } from '../../../shared/errors.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import { singleArg, singleHeader } from '../../plugin-api/header-text.ts';
import { queryArgs } from '../../plugin-api/query-args.ts';
import { type BodyJson, compilePointer, kindOf, scalarText } from './body-json.ts';

/** Where a part of the record comes from: exactly one field is set. */
export interface SourceConfig {
  readonly header: string | null;
  readonly query_arg: string | null;
  readonly body_pointer: string | null;
}

/** The text of a part of the record; undefined when the request lacks it. @throws RequestError with the source's code */
export type SourceOf = (request: Pick<Exchange, 'query' | 'headers'>, json: BodyJson | null) => string | undefined;

/** Compiles a source. `what` it is for stands in errors. A null in the body counts as absent. */
export function compileSource(source: SourceConfig, code: ErrorCode, what: string): SourceOf {
  if (source.header !== null) {
    const name = source.header.toLowerCase();
    return ({ headers }) => singleHeader(headers, name, code, what);
  }
  if (source.query_arg !== null) {
    const name = source.query_arg;
    return ({ query }) => (query === '' ? undefined : singleArg(queryArgs(query).get(name), name, code, what));
  }
  const partOf = compilePointer(source.body_pointer ?? '');
  return (_request, json) => {
    const part = partOf(json);
    if (part === undefined || part.value === null) return undefined;
    const text = scalarText(part);
    if (text !== undefined) return text;
    throw new RequestError(code, `The ${what} must be a string or a number, but the body holds ${kindOf(part.value)}.`);
  };
}
