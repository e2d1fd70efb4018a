/**
 * Header fields that belong to one connection (RFC 9110 section 7.6.1 and RFC 9112), in lower case. `te` stays with the
 * one value that has a meaning end to end (see `keepsTe`).
 */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Returns which header names do not go on to the next hop: those of the connection and those that `Connection` names. */
export function namesOfConnection(connectionValues: readonly string[]): ReadonlySet<string> {
  if (connectionValues.length === 0) return hopByHop;
  const named = connectionValues
    .join(',')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive');
  return named.length === 0 ? hopByHop : new Set([...hopByHop, ...named]);
}

/** Whether a client takes trailers: `TE: trailers` may be sent on, no other coding may (RFC 9110 section 10.1.4). */
export function takesTrailers(teValues: readonly string[]): boolean {
  return teValues
    .join(',')
    .split(',')
    .some((value) => value.trim().toLowerCase() === 'trailers');
}
