/** A piece of a topic template: literal text, or a part of the request. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  /** A capture of the route's path, a request header, a query parameter. */
  | { readonly kind: 'path' | 'header' | 'query'; readonly name: string }
  /** The string or number at a JSON Pointer of the body. */
  | { readonly kind: 'body'; readonly name: string };

export type ParsedTemplate =
  | { readonly kind: 'ok'; readonly parts: readonly TemplatePart[] }
  | { readonly kind: 'fault'; readonly message: string };

/** `${path.tenant}`, or literal text that may stand in a topic's name. */
const piece = /\$\{(path|header|query|body)\.([^{}]+)\}|([a-zA-Z0-9._-]+)/y;

/** Parses `events.${path.tenant}.${header.x-kind}`. Positions in faults count from 0. */
export function parseTopicTemplate(template: string): ParsedTemplate {
  const parts: TemplatePart[] = [];
  let at = 0;
  while (at < template.length) {
    piece.lastIndex = at;
    const match = piece.exec(template);
    if (match === null) {
      const expected =
        "expected letters, digits, '.', '_', '-', or ${path.NAME}, ${header.NAME}, ${query.NAME}, ${body./POINTER}";
      return { kind: 'fault', message: `not a topic template at position ${at}: ${expected}` };
    }
    const [whole, source, name = '', text = ''] = match;
    if (source === 'header' && !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
      return { kind: 'fault', message: `not a topic template at position ${at}: '${name}' is not a header's name` };
    }
    if (source === 'body' && !/^(\/([^~]|~[01])*)+$/.test(name)) {
      return { kind: 'fault', message: `not a topic template at position ${at}: '${name}' is not a JSON Pointer` };
    }
    if (source === 'path' || source === 'header' || source === 'query' || source === 'body')
      parts.push({ kind: source, name });
    else parts.push({ kind: 'text', text });
    at += whole.length;
  }
  return { kind: 'ok', parts };
}
