import { createLogger, type Logger } from '../../shared/log.ts';
import { parentGone, runNode, type RunningNode } from '../../shared/lifecycle.ts';
import { flagOf, parseSettings, variableOf } from '../../shared/settings.ts';
import { settingsTable, type Settings } from '../../shared/settings-table.ts';
import { sluiceVersion } from './sluice-version.ts';

const exitUsage = 2;

/** `sluice start`: runs one node until a signal. Resolves to the exit code. */
export async function startCommand(args: readonly string[]): Promise<number> {
  const parsed = parseSettings({ args, env: process.env });
  if (parsed.kind === 'faulty') {
    for (const { name, message } of parsed.faults) console.error(`${name}: ${message}`);
    console.error('(sluice start --help lists all settings)');
    return exitUsage;
  }
  const { settings } = parsed;
  const logger = createLogger({
    level: settings.log_level,
    format: settings.log_format ?? (process.stdout.isTTY ? 'pretty' : 'json'),
  });
  const gone = parentGone();
  return runNode({
    start: () => startRole(settings, logger),
    logger,
    ...(gone === undefined ? {} : { parentGone: gone }),
  });
}

/** Each role is imported only when it runs: a data plane never loads SQLite. */
async function startRole(settings: Settings, logger: Logger): Promise<RunningNode> {
  const { role } = settings;
  if (role === 'control_plane') {
    const { startControlPlane } = await import('../main.ts');
    return startControlPlane({ ...controlPlaneOptions(settings), logger });
  }
  if (role === 'data_plane') {
    const { startDataPlane } = await import('../../data-plane/main.ts');
    return startDataPlane({ ...dataPlaneOptions(settings), logger });
  }
  const node = { ...nodeOptions(settings), logger };
  if (role === 'traditional') {
    const { startTraditional } = await import('./roles/traditional.ts');
    return startTraditional({ controlPlane: { ...controlPlaneOptions(settings), logger }, node });
  }
  const { startDbless } = await import('./roles/dbless.ts');
  return startDbless({ ...dblessOptions(settings), node });
}

/** What `startControlPlane` of control-plane/main.ts takes, besides the logger. */
export function controlPlaneOptions(settings: Settings) {
  return {
    database: settings.database,
    adminListen: settings.admin_listen,
    clusterListen: settings.cluster_listen,
    statusListen: settings.status_listen,
    ...(settings.admin_token === undefined ? {} : { adminToken: settings.admin_token }),
    ...(settings.admin_token_read_only === undefined ? {} : { adminTokenReadOnly: settings.admin_token_read_only }),
    ...adminTlsFiles(settings),
    adminHosts: settings.admin_hosts ?? [],
    adminCorsOrigins: settings.admin_cors_origins ?? [],
    ...(settings.keyring === undefined ? {} : { keyring: settings.keyring }),
    ...clusterFiles(settings),
    nodePurgeAfterMs: settings.node_purge_after,
    sluiceVersion: sluiceVersion(),
  };
}

/** What `startDataPlane` of data-plane/main.ts takes, besides the logger. */
export function dataPlaneOptions(settings: Settings) {
  return {
    ...nodeOptions(settings),
    controlPlanes: settings.control_plane ?? [],
    ...clusterFiles(settings),
    dataDir: settings.data_dir,
    nodeLabels: settings.node_labels ?? {},
    ...(settings.declarative_config === undefined ? {} : { declarativeConfig: settings.declarative_config }),
  };
}

/** What `startDbless` takes, besides the node and its logger. */
function dblessOptions(settings: Settings) {
  return {
    // Required of this role by the table.
    declarativeConfig: settings.declarative_config ?? '',
    adminListen: settings.admin_listen,
    ...adminTlsFiles(settings),
    admin: {
      ...(settings.admin_token === undefined ? {} : { token: settings.admin_token }),
      ...(settings.admin_token_read_only === undefined ? {} : { tokenReadOnly: settings.admin_token_read_only }),
      hosts: settings.admin_hosts ?? [],
      corsOrigins: settings.admin_cors_origins ?? [],
      sluiceVersion: sluiceVersion(),
    },
  };
}

/** What every node that serves takes, whatever its role. */
function nodeOptions(settings: Settings) {
  return {
    proxyListen: settings.proxy_listen,
    statusListen: settings.status_listen,
    kafkaClient: settings.kafka_client,
    requestBodyMaxBytes: settings.request_body_max,
    producerMemoryMaxBytes: settings.producer_memory_max,
    trustedIps: settings.trusted_ips ?? [],
    drainDelayMs: settings.drain_delay,
    drainTimeoutMs: settings.drain_timeout,
    sluiceVersion: sluiceVersion(),
  };
}

function adminTlsFiles({ admin_tls_cert: cert, admin_tls_key: key }: Settings) {
  return cert === undefined || key === undefined ? {} : { adminTlsFiles: { cert, key } };
}

function clusterFiles(settings: Settings) {
  const { cluster_cert: cert, cluster_cert_key: key, cluster_ca: ca, cluster_server_name: serverName } = settings;
  return cert === undefined || key === undefined ? {} : { clusterFiles: { cert, key, ca, serverName } };
}

/** All settings with their roles and defaults, for `sluice start --help`. */
export function startHelp(): string {
  const lines = Object.entries(settingsTable).flatMap(([name, row]) => {
    const requiredBy = 'required' in row && row.required !== undefined ? row.required : [];
    const fallback = requiredBy.length === row.roles.length ? 'required' : (row.default ?? 'none');
    const notYet = 'supported' in row && row.supported !== undefined ? notYetText(row.supported) : '';
    return [
      `  ${flagOf(name).padEnd(26)}${row.description}${notYet}`,
      `${' '.repeat(28)}default: ${fallback}; ${variableOf(name)}; roles: ${row.roles.length === 4 ? 'all' : row.roles.join(', ')}`,
    ];
  });
  return `\nSettings (a flag wins over its variable; sizes: 64kb, 1mb; durations: 250ms, 30s, 5m, 1h, 14d; a listener is off by "off"):\n${lines.join('\n')}`;
}

function notYetText(supported: readonly string[]): string {
  return supported.length === 0 ? ' [not supported yet]' : ` [supported so far: ${supported.join(', ')}]`;
}
