import { availableParallelism } from 'node:os';
import type { DataPlaneOptions, NodeOptions } from '../../data-plane/node-options.ts';
import type { ListenerBounds } from '../../data-plane/proxy/listener-limits.ts';
import type { Role } from '../../shared/settings/setting.ts';
import type { adminSettings } from '../../shared/settings/admin-settings.ts';
import type { boundSettings } from '../../shared/settings/bound-settings.ts';
import type { proxySettings } from '../../shared/settings/proxy-settings.ts';
import type { SettingsOf } from '../../shared/settings/settings-table.ts';
import type { ControlPlaneOptions } from '../main.ts';
import type { DblessOptions } from './roles/dbless.ts';
import type { TraditionalOptions } from './roles/traditional.ts';
import { sluiceVersion } from './sluice-version.ts';

/** Settings that the command itself reads, before it starts the role. */
export type CommandSetting = 'log_level' | 'log_format' | 'config_file';

/**
 * The settings that a role reads. Each function below takes every one of them apart and hands the rest to `allRead`: a
 * row of the table that nothing reads does not compile, nor does a setting that has no row.
 */
export type OwnSettings<R extends Role> = Omit<SettingsOf<R>, CommandSetting>;
export type RoleSettings = { [R in Role]: OwnSettings<R> }[Role];

export function controlPlaneOptions(settings: OwnSettings<'control_plane'>): Omit<ControlPlaneOptions, 'logger'> {
  const { options: admin, rest: afterAdmin } = takeAdmin(settings);
  const { clusterFiles, rest: afterCluster } = takeClusterFiles(afterAdmin);
  const { role, database, keyring, cluster_listen, status_listen, node_purge_after, nodes_max, ...rest } = afterCluster;
  allRead(rest);
  return {
    ...admin,
    ...whereGiven({ keyring, clusterFiles }),
    role,
    database,
    clusterListen: cluster_listen,
    statusListen: status_listen,
    nodePurgeAfterMs: node_purge_after,
    nodesMax: nodes_max,
    sluiceVersion: sluiceVersion(),
  };
}

export function dataPlaneOptions(settings: OwnSettings<'data_plane'>): Omit<DataPlaneOptions, 'logger'> {
  const { options: node, rest: afterNode } = takeNode(settings);
  const { clusterFiles, rest: afterCluster } = takeClusterFiles(afterNode);
  const { control_plane, data_dir, node_labels, declarative_config, adopt_database, ...rest } = afterCluster;
  allRead(rest);
  return {
    ...node,
    ...whereGiven({ clusterFiles, declarativeConfig: declarative_config }),
    controlPlanes: control_plane,
    dataDir: data_dir,
    nodeLabels: node_labels ?? {},
    adoptDatabase: adopt_database,
  };
}

/** Options of both planes, without their loggers. */
export function traditionalOptions(settings: OwnSettings<'traditional'>): {
  readonly controlPlane: Omit<TraditionalOptions['controlPlane'], 'logger'>;
  readonly node: Omit<TraditionalOptions['node'], 'logger'>;
} {
  const { options: admin, rest: afterAdmin } = takeAdmin(settings);
  const { options: node, rest: afterNode } = takeNode(afterAdmin);
  const { database, keyring, ...rest } = afterNode;
  allRead(rest);
  const { role: _role, ...nodeWithoutRole } = node;
  return {
    controlPlane: {
      ...admin,
      ...whereGiven({ keyring }),
      database,
      sluiceVersion: sluiceVersion(),
    },
    node: nodeWithoutRole,
  };
}

export function dblessOptions(settings: OwnSettings<'dbless'>): Omit<DblessOptions, 'node'> & {
  readonly node: Omit<DblessOptions['node'], 'logger'>;
} {
  const { options: admin, rest: afterAdmin } = takeAdmin(settings);
  const { options: node, rest: afterNode } = takeNode(afterAdmin);
  const { declarative_config, declarative_config_text, watch_config, ...rest } = afterNode;
  allRead(rest);
  const { adminListen, adminTlsFiles, adminToken, adminTokenReadOnly, adminHosts, adminCorsOrigins } = admin;
  const { role: _role, ...nodeWithoutRole } = node;
  return {
    document:
      declarative_config_text === undefined
        ? // One of the two is given: the settings were checked.
          { kind: 'file', path: declarative_config ?? '', watch: watch_config }
        : { kind: 'text', text: declarative_config_text },
    adminListen,
    ...whereGiven({ adminTlsFiles }),
    admin: {
      ...whereGiven({ token: adminToken, tokenReadOnly: adminTokenReadOnly }),
      hosts: adminHosts,
      corsOrigins: adminCorsOrigins,
      sluiceVersion: sluiceVersion(),
    },
    node: nodeWithoutRole,
  };
}

/** The settings that `takeAdmin` reads. They are the same in every role that has an Admin API. */
type AdminShare = Pick<SettingsOf<'dbless'>, keyof typeof adminSettings>;

function takeAdmin<S extends AdminShare>(settings: S) {
  const {
    admin_listen,
    admin_token,
    admin_token_read_only,
    admin_hosts,
    admin_cors_origins,
    admin_tls_cert,
    admin_tls_key,
    ...rest
  } = settings;
  const adminTlsFiles = pairOf(admin_tls_cert, admin_tls_key);
  const options = {
    ...whereGiven({ adminTlsFiles, adminToken: admin_token, adminTokenReadOnly: admin_token_read_only }),
    adminListen: admin_listen,
    adminHosts: admin_hosts ?? [],
    adminCorsOrigins: admin_cors_origins ?? [],
  };
  return { options, rest };
}

type ClusterShare = Pick<
  SettingsOf<'data_plane'>,
  | 'cluster_cert'
  | 'cluster_cert_key'
  | 'cluster_cert_next'
  | 'cluster_cert_key_next'
  | 'cluster_ca'
  | 'cluster_server_name'
>;

function takeClusterFiles<S extends ClusterShare>(settings: S) {
  const {
    cluster_cert,
    cluster_cert_key,
    cluster_cert_next,
    cluster_cert_key_next,
    cluster_ca,
    cluster_server_name,
    ...rest
  } = settings;
  const pair = pairOf(cluster_cert, cluster_cert_key);
  const next = pairOf(cluster_cert_next, cluster_cert_key_next);
  const clusterFiles = pair && { ...pair, ...whereGiven({ next }), ca: cluster_ca, serverName: cluster_server_name };
  return { clusterFiles, rest };
}

function pairOf(cert: string | undefined, key: string | undefined) {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

type NodeShare = Pick<
  SettingsOf<'dbless'>,
  keyof typeof proxySettings | keyof typeof boundSettings | 'status_listen'
> & {
  readonly role: NodeOptions['role'];
};

function takeNode<S extends NodeShare>(settings: S) {
  const { bounds, rest: afterBounds } = takeBounds(settings);
  const {
    role,
    proxy_listen,
    proxy_listen_tls,
    workers,
    status_listen,
    kafka_client,
    request_body_max,
    producer_memory_max,
    trusted_ips,
    access_log,
    latency_headers,
    vault_env_prefix,
    drain_delay,
    drain_timeout,
    ...rest
  } = afterBounds;
  const options: Omit<NodeOptions, 'logger'> = {
    role,
    proxyListen: proxy_listen,
    proxyListenTls: proxy_listen_tls,
    statusListen: status_listen,
    kafkaClient: kafka_client,
    workers: workers === 'auto' ? availableParallelism() : workers,
    requestBodyMaxBytes: request_body_max,
    producerMemoryMaxBytes: producer_memory_max,
    trustedIps: trusted_ips ?? [],
    bounds,
    accessLog: access_log,
    latencyHeaders: latency_headers,
    ...whereGiven({ vaultEnvPrefix: vault_env_prefix }),
    drainDelayMs: drain_delay,
    drainTimeoutMs: drain_timeout,
    sluiceVersion: sluiceVersion(),
  };
  return { options, rest };
}

function takeBounds<S extends NodeShare>(settings: S) {
  const {
    connections_max,
    request_bodies_max,
    send_timeout,
    handshake_timeout,
    header_timeout,
    body_timeout,
    idle_timeout,
    http2_streams_max,
    ...rest
  } = settings;
  const bounds: ListenerBounds = {
    connectionsMax: connections_max,
    requestBodiesMaxBytes: request_bodies_max,
    sendTimeoutMs: send_timeout,
    handshakeTimeoutMs: handshake_timeout,
    headerTimeoutMs: header_timeout,
    bodyTimeoutMs: body_timeout,
    idleTimeoutMs: idle_timeout,
    http2StreamsMax: http2_streams_max,
  };
  return { bounds, rest };
}

/** Takes only an object without properties, at compile time and at run time. */
export function allRead(rest: Readonly<Record<string, never>>): void {
  const unread = Object.keys(rest);
  if (unread.length > 0) throw new Error(`No part of this role reads the settings ${unread.join(', ')}`);
}

/** Leaves out what is undefined. */
function whereGiven<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  // The type of Object.fromEntries does not know which names remain.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
