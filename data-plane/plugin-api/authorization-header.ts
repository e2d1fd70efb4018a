import type { Exchange } from './exchange.ts';

/** Headers that hold a login; what is meant for a proxy counts first, as in Kong. */
export const loginHeaders = ['proxy-authorization', 'authorization'] as const;

/**
 * Returns what follows a scheme, in any case, in each login header of a request. A header that is repeated counts as
 * none: which one would count is a guess.
 */
export function loginsOf({ headers }: Exchange, scheme: string): readonly string[] {
  return loginHeaders.flatMap((name) => {
    const [value, ...more] = headers.all(name);
    const credentials = value === undefined || more.length > 0 ? undefined : afterScheme(value, scheme);
    return credentials === undefined ? [] : [credentials];
  });
}

/** Returns the credentials of `scheme credentials`; undefined for another scheme. */
export function afterScheme(value: string, scheme: string): string | undefined {
  const text = value.trimStart();
  const isScheme = text.slice(0, scheme.length).toLowerCase() === scheme && text.charAt(scheme.length) === ' ';
  return isScheme ? text.slice(scheme.length).trim() : undefined;
}

/** Takes the login headers out of a request, whatever they hold. */
export function hideLogins({ headers }: Exchange): void {
  for (const name of loginHeaders) headers.remove(name);
}
