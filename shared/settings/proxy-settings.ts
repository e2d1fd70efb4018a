import { roleGroups, setting } from './setting.ts';
import {
  between,
  boolean,
  cidrList,
  duration,
  listener,
  oneOf,
  optionalListener,
  size,
  variablePrefix,
  workers,
} from './setting-values.ts';

/** A Node.js timer runs for at most 2^31 - 1 ms, which is 24.8 days. */
const timer = between(duration, 0, 2_147_483_647, '0ms and 24d');
const notEmptySize = between(size, 1, Number.MAX_SAFE_INTEGER, '1 and 8589934591mb');

/** Settings of the listeners for requests and of the way to Kafka. */
export const proxySettings = {
  proxy_listen: setting({
    roles: roleGroups.proxy,
    default: '0.0.0.0:8000',
    parse: listener,
    description: 'cleartext requests: HTTP/1.1, and HTTP/2 with prior knowledge',
  }),
  proxy_listen_tls: setting({
    roles: roleGroups.proxy,
    default: '0.0.0.0:8443',
    parse: optionalListener,
    description:
      'requests over TLS: HTTP/2 and HTTP/1.1, certificates by server name from the configuration; where the port of ' +
      'the default is in use, the node warns and goes on without',
  }),
  kafka_client: setting({
    roles: roleGroups.proxy,
    default: 'kafkajs',
    parse: oneOf('kafkajs', 'platformatic'),
    description: 'kafkajs or platformatic',
  }),
  workers: setting({
    roles: roleGroups.proxy,
    default: '1',
    parse: workers,
    description: 'auto or a number of proxy processes sharing the ports',
  }),
  request_body_max: setting({
    roles: roleGroups.proxy,
    default: '1mb',
    parse: notEmptySize,
    description: 'largest body that a plugin reads whole',
  }),
  producer_memory_max: setting({
    roles: roleGroups.proxy,
    default: '256mb',
    parse: notEmptySize,
    description: 'bytes of records queued over all producers',
  }),
  trusted_ips: setting({
    roles: roleGroups.proxy,
    default: undefined,
    parse: cidrList,
    description: 'CIDRs whose X-Forwarded-* headers are believed',
  }),
  access_log: setting({
    roles: roleGroups.proxy,
    default: 'off',
    parse: oneOf('off', 'errors', 'all'),
    description: 'off, errors or all: requests that are logged; at log level debug all are',
  }),
  latency_headers: setting({
    roles: roleGroups.proxy,
    default: 'false',
    parse: boolean,
    description: "Kong's X-Kong-*-Latency headers on answers",
  }),
  vault_env_prefix: setting({
    roles: roleGroups.proxy,
    default: undefined,
    parse: variablePrefix,
    description: 'beginning of the only variables that {vault://env/NAME} reads: with KAFKA_, name means KAFKA_NAME',
  }),
  drain_delay: setting({
    roles: roleGroups.proxy,
    default: '0s',
    parse: timer,
    description: 'on SIGTERM: time between not ready and no longer accepting',
  }),
  drain_timeout: setting({
    roles: roleGroups.proxy,
    default: '25s',
    parse: timer,
    description: 'bound of the whole draining',
  }),
};
