import {
  parseTemplate,
  type TemplateOperand,
  type TemplateSource,
} from '../../../shared/plugin-schemas/value-template.ts';
import type { Exchange } from '../../plugin-api/exchange.ts';
import type { HeaderList } from '../../plugin-api/header-list.ts';
import { headerText } from '../../plugin-api/header-text.ts';
import { parseArgs, type ArgMap } from '../../plugin-api/query-args.ts';

/** The values of a request that templates may take, as they were before any change. */
export class RequestValues {
  readonly #headers: HeaderList;
  readonly #query: string;
  readonly #captures: Readonly<Record<string, string>>;
  #args: ArgMap | undefined;

  constructor({ headers, query, route }: Exchange) {
    this.#headers = headers.copy();
    this.#query = query;
    this.#captures = route?.captures ?? {};
  }

  get(source: TemplateSource, name: string): string | undefined {
    if (source === 'headers') return this.#header(name.toLowerCase());
    if (source === 'query_params') return this.#argument(name);
    return Object.hasOwn(this.#captures, name) ? this.#captures[name] : undefined;
  }

  /** The first of several counts. */
  #argument(name: string): string | undefined {
    this.#args ??= parseArgs(this.#query).args;
    const arg = this.#args.get(name);
    const first = typeof arg === 'object' ? arg[0] : arg;
    return first === true ? '' : first;
  }

  /** Lua's names hold no hyphens: `user_agent` is User-Agent where no header has the name itself. */
  #header(name: string): string | undefined {
    const value = this.#headers.get(name) ?? this.#headers.get(name.replaceAll('_', '-'));
    return value === undefined ? undefined : headerText(value);
  }
}

type Escape = (value: string, source: TemplateSource) => string;

export type MakeValue = (values: RequestValues) => string;

/**
 * Compiles a template that the schema has checked. What is not there is an empty text. `escape` is for values that
 * come from the request.
 */
export function compileTemplate(source: string, escape: Escape = (value) => value): MakeValue {
  const parsed = parseTemplate(source);
  const template = parsed.kind === 'template' ? parsed.template : [];
  const valueOf = (operand: TemplateOperand, values: RequestValues): string | undefined => {
    if (operand.kind === 'text') return operand.text;
    const found = values.get(operand.source, operand.name);
    return found === undefined ? undefined : escape(found, operand.source);
  };
  return (values) => {
    let text = '';
    for (const operands of template) {
      for (const operand of operands) {
        const value = valueOf(operand, values);
        if (value === undefined) continue;
        text += value;
        break;
      }
    }
    return text;
  };
}
