/** The places whose values a template may take. */
export const templateSources = ['headers', 'query_params', 'uri_captures'] as const;

export type TemplateSource = (typeof templateSources)[number];

/** A text, or a value of the request. */
export type TemplateOperand =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly source: TemplateSource; readonly name: string };

/** Parts in a row; of each, the first operand that is there counts. */
export type ValueTemplate = readonly (readonly TemplateOperand[])[];

export type ParsedTemplate =
  | { readonly kind: 'template'; readonly template: ValueTemplate }
  | { readonly kind: 'fault'; readonly message: string };

const opening = '$(';
const nameOf = `(?:\\.([A-Za-z_][A-Za-z0-9_]*)|\\[\\s*(?:"([^"\\\\]*)"|'([^'\\\\]*)'|(\\d{1,3}))\\s*\\])`;
const value = new RegExp(`^(${templateSources.join('|')})${nameOf}`);
const text = /^(?:"([^"\\]*)"|'([^'\\]*)')/;

/**
 * Parses a text with `$(headers.name)`, `$(query_params["name"])`, `$(uri_captures[1])` and alternatives joined by `or`,
 * such as `$(headers.user or "nobody")`. Kong's templates may hold any Lua; these hold nothing that runs.
 */
export function parseTemplate(source: string): ParsedTemplate {
  const template: (readonly TemplateOperand[])[] = [];
  let rest = source;
  for (;;) {
    const at = rest.indexOf(opening);
    const literal = at < 0 ? rest : rest.slice(0, at);
    if (literal !== '') template.push([{ kind: 'text', text: literal }]);
    if (at < 0) return { kind: 'template', template };
    const parsed = parseAlternatives(rest.slice(at + opening.length));
    if (parsed === undefined) return { kind: 'fault', message: fault };
    template.push(parsed.operands);
    rest = parsed.rest;
  }
}

const fault =
  `expected $(…) to hold ${templateSources.join(', ')} with a name, or a text, joined by 'or'; ` +
  'other Lua is not supported';

/** Parses up to the closing parenthesis. */
function parseAlternatives(source: string): { operands: TemplateOperand[]; rest: string } | undefined {
  const operands: TemplateOperand[] = [];
  let rest = source.trimStart();
  for (;;) {
    const parsed = parseOperand(rest);
    if (parsed === undefined) return undefined;
    operands.push(parsed.operand);
    rest = parsed.rest.trimStart();
    if (rest.startsWith(')')) return { operands, rest: rest.slice(1) };
    if (!/^or[\s"']/.test(rest)) return undefined;
    rest = rest.slice('or'.length).trimStart();
  }
}

function parseOperand(source: string): { operand: TemplateOperand; rest: string } | undefined {
  const literal = text.exec(source);
  if (literal !== null) {
    const operand: TemplateOperand = { kind: 'text', text: literal[1] ?? literal[2] ?? '' };
    return { operand, rest: source.slice(literal[0].length) };
  }
  const found = value.exec(source);
  const place = templateSources.find((one) => one === found?.[1]);
  if (found === null || place === undefined) return undefined;
  const name = found[2] ?? found[3] ?? found[4] ?? found[5] ?? '';
  return { operand: { kind: 'value', source: place, name }, rest: source.slice(found[0].length) };
}
