import { RE2JS, RE2JSSyntaxException } from 're2js';

/** Says why a regular expression cannot be used; undefined: it can. The engine that will run it compiles it. */
export function compileFault(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    return `invalid regex: '${pattern}' (${error.message})`;
  }
}
