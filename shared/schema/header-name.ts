/** RFC 9110 section 5.6.2, token: names of headers, and of cookies (RFC 6265 section 4.1.1). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export function checkHeaderName(name: string): string | undefined {
  return token.test(name) ? undefined : `bad header name '${name}'`;
}

export function checkCookieName(name: string): string | undefined {
  return token.test(name) ? undefined : `bad cookie name '${name}'`;
}
