import { RE2JS, RE2JSSyntaxException } from 're2js';

/** Why a regular expression cannot be used, or undefined. It is compiled by the engine that will run it. */
export function compileFault(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    return `invalid regex: '${pattern}' (${error.message})`;
  }
}
