import {
  addressList,
  between,
  cidrList,
  duration,
  hostList,
  labels,
  listener,
  oneOf,
  originList,
  size,
  text,
  token,
  workers,
  type ParseValue,
} from './setting-values.ts';

export const roles = ['traditional', 'control_plane', 'data_plane', 'dbless'] as const;
export type Role = (typeof roles)[number];

export interface Setting<T, D extends string | undefined> {
  readonly roles: readonly Role[];
  /** As it would be written; undefined: none. */
  readonly default: D;
  readonly parse: ParseValue<T>;
  readonly description: string;
  /** Roles that cannot start without it. */
  readonly required?: readonly Role[];
  /** Values that work already, where not all do. Any other valid value is refused as not supported yet. */
  readonly supported?: readonly string[];
}

function setting<T, const D extends string | undefined>(row: Setting<T, D>): Setting<T, D> {
  return row;
}

const all = roles;
const controlPlane = ['control_plane'] as const;
const dataPlane = ['data_plane'] as const;
const admin = ['control_plane', 'traditional', 'dbless'] as const;
const proxy = ['data_plane', 'traditional', 'dbless'] as const;
const cluster = ['control_plane', 'data_plane'] as const;
// Longer timers than 24.8 days do not exist in Node.js.
const timer = between(duration, 0, 2_147_483_647, '0ms and 24d');
const notEmptySize = between(size, 1, Number.MAX_SAFE_INTEGER, '1 and 8589934591mb');
const none = undefined;

/** Every setting: a flag (`--admin-listen`) and a variable (`SLUICE_ADMIN_LISTEN`); the flag wins. */
export const settingsTable = {
  role: setting({
    roles: all,
    default: none,
    required: all,
    parse: oneOf(...roles),
    description: 'traditional, control_plane, data_plane or dbless',
  }),
  log_level: setting({
    roles: all,
    default: 'info',
    parse: oneOf('debug', 'info', 'warn', 'error'),
    description: 'debug, info, warn or error',
  }),
  log_format: setting({
    roles: all,
    default: none,
    parse: oneOf('json', 'pretty'),
    description: 'json or pretty, one line an event; when not set: json, pretty on a terminal',
  }),
  database: setting({
    roles: ['control_plane', 'traditional'],
    default: './sluice-data/control-plane.db',
    parse: text,
    description: 'SQLite file, created with its folder',
  }),
  admin_listen: setting({
    roles: admin,
    default: '127.0.0.1:8001',
    parse: listener,
    description: 'Admin API and console; not on loopback only with admin_token',
  }),
  admin_token: setting({
    roles: admin,
    default: none,
    parse: token,
    description: 'expected as Kong-Admin-Token: T or Authorization: Bearer T',
  }),
  admin_token_read_only: setting({
    roles: admin,
    default: none,
    parse: token,
    description: 'a second token: GET and HEAD only, secrets masked',
  }),
  admin_hosts: setting({
    roles: admin,
    default: none,
    parse: hostList,
    description: 'further host names that the Admin API answers to',
  }),
  admin_cors_origins: setting({
    roles: admin,
    default: none,
    parse: originList,
    description: 'further browser origins that may call the Admin API',
  }),
  admin_tls_cert: setting({
    roles: admin,
    default: none,
    parse: text,
    description: 'certificate file (PEM): HTTPS for the Admin API; with admin_tls_key',
  }),
  admin_tls_key: setting({
    roles: admin,
    default: none,
    parse: text,
    description: 'its key file (PEM)',
  }),
  cluster_listen: setting({
    roles: controlPlane,
    default: '127.0.0.1:8005',
    parse: listener,
    description: 'gRPC for data planes; not on loopback only with certificates',
  }),
  cluster_cert: setting({
    roles: cluster,
    default: none,
    parse: text,
    description: 'certificate file (PEM) for mTLS between the planes; with cluster_cert_key',
  }),
  cluster_cert_key: setting({
    roles: cluster,
    default: none,
    parse: text,
    description: 'its key file (PEM)',
  }),
  cluster_ca: setting({
    roles: cluster,
    default: none,
    parse: text,
    description: 'CA file (PEM) that peers must chain to, instead of one shared pair',
  }),
  cluster_server_name: setting({
    roles: cluster,
    default: none,
    parse: text,
    description: 'name that the certificate of the control plane must bear; with cluster_ca',
  }),
  keyring: setting({
    roles: ['control_plane', 'traditional'],
    default: none,
    parse: text,
    description:
      'file with one base64 256-bit key a line, or env:NAME: secrets are encrypted at rest; the first key writes, all read',
  }),
  node_purge_after: setting({
    roles: controlPlane,
    default: '14d',
    parse: duration,
    description: 'nodes unseen for this long are removed',
  }),
  control_plane: setting({
    roles: dataPlane,
    default: none,
    required: dataPlane,
    parse: addressList,
    description: 'host:port of the control plane; several, comma separated, are tried in turn',
  }),
  declarative_config: setting({
    roles: ['dbless', 'data_plane'],
    default: none,
    required: ['dbless'],
    parse: text,
    description: 'YAML or JSON file; required by dbless, on a data plane the seed while there is no cache',
  }),
  proxy_listen: setting({
    roles: proxy,
    default: '0.0.0.0:8000',
    parse: listener,
    description: 'cleartext requests',
  }),
  proxy_listen_tls: setting({
    roles: proxy,
    // Becomes 0.0.0.0:8443 with the TLS listener.
    default: 'off',
    parse: listener,
    supported: ['off'],
    description: 'TLS requests',
  }),
  status_listen: setting({
    roles: all,
    default: '127.0.0.1:8007',
    parse: listener,
    description: '/status, /status/ready, /status/live and /metrics',
  }),
  data_dir: setting({
    roles: dataPlane,
    default: './sluice-data/data-plane',
    parse: text,
    description: 'folder of the node id and the last good configuration',
  }),
  node_labels: setting({
    roles: dataPlane,
    default: none,
    parse: labels,
    description: 'key=value,key=value, shown by the control plane',
  }),
  kafka_client: setting({
    roles: proxy,
    default: 'kafkajs',
    parse: oneOf('kafkajs', 'platformatic'),
    description: 'kafkajs or platformatic',
  }),
  workers: setting({
    roles: proxy,
    default: '1',
    parse: workers,
    supported: ['1'],
    description: 'auto or a number of proxy processes sharing the ports',
  }),
  request_body_max: setting({
    roles: proxy,
    default: '1mb',
    parse: notEmptySize,
    description: 'largest body that a plugin reads whole',
  }),
  producer_memory_max: setting({
    roles: proxy,
    default: '256mb',
    parse: notEmptySize,
    description: 'bytes of records queued over all producers',
  }),
  trusted_ips: setting({
    roles: proxy,
    default: none,
    parse: cidrList,
    description: 'CIDRs whose X-Forwarded-* headers are believed',
  }),
  drain_delay: setting({
    roles: proxy,
    default: '0s',
    parse: timer,
    description: 'on SIGTERM: time between not ready and no longer accepting',
  }),
  drain_timeout: setting({ roles: proxy, default: '25s', parse: timer, description: 'bound of the whole draining' }),
};

type Table = typeof settingsTable;
export type SettingName = keyof Table;
type Value<S> = S extends Setting<infer T, infer D> ? (D extends string ? T : T | undefined) : never;

/** Typed values by name; `role` is always there. A setting of another role has its default. */
export type Settings = { readonly [Name in SettingName]: Value<Table[Name]> } & { readonly role: Role };
