import { roleGroups, setting } from './setting.ts';
import { between, count, duration, size } from './setting-values.ts';

/** A bound of zero would refuse everything; a Node.js timer runs for at most 2^31 - 1 ms, which is 24.8 days. */
const timeout = between(duration, 1, 2_147_483_647, '1ms and 24d');
const notEmptySize = between(size, 1, Number.MAX_SAFE_INTEGER, '1 and 8589934591mb');

/** Bounds of the listeners for requests. */
export const boundSettings = {
  connections_max: setting({
    roles: roleGroups.proxy,
    default: '10000',
    parse: between(count, 1, 1_000_000, '1 and 1000000'),
    description: 'connections of a port, at most the file descriptors less 256; one more is closed at once',
  }),
  request_bodies_max: setting({
    roles: roleGroups.proxy,
    default: '256mb',
    parse: notEmptySize,
    description: 'bytes of unfinished bodies over all requests; beyond it a request is answered 503',
  }),
  send_timeout: setting({
    roles: roleGroups.proxy,
    default: '30s',
    parse: timeout,
    description: 'a client that takes nothing of its answer for this long is disconnected',
  }),
  handshake_timeout: setting({
    roles: roleGroups.proxy,
    default: '10s',
    parse: timeout,
    description: 'bound of a TLS handshake and of the first bytes of a connection',
  }),
  header_timeout: setting({
    roles: roleGroups.proxy,
    default: '10s',
    parse: timeout,
    description: 'bound of the headers of a request; later is 408',
  }),
  body_timeout: setting({
    roles: roleGroups.proxy,
    default: '60s',
    parse: timeout,
    description:
      'bound of a body that is read whole; of one that goes to a service, of the time without a byte; later is 408',
  }),
  idle_timeout: setting({
    roles: roleGroups.proxy,
    default: '60s',
    parse: timeout,
    description: 'a connection without a request is closed after this time',
  }),
  http2_streams_max: setting({
    roles: roleGroups.proxy,
    default: '100',
    parse: between(count, 1, 10_000, '1 and 10000'),
    description: 'open streams of an HTTP/2 connection; one more is refused',
  }),
};
