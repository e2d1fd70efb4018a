import type { SettingFault } from './setting-fault.ts';
import { isLoopback } from './setting-values.ts';
import type { ReadValues, SettingName } from './settings-table.ts';

/** Finds the faults that no setting shows alone. A value that could not be read is absent, and reported already. */
export function crossFaults(settings: ReadValues): SettingFault[] {
  return [
    ...openFaults(settings),
    ...pairFaults(settings),
    ...tokenFaults(settings),
    ...certificateFaults(settings),
    ...drainFaults(settings),
    ...documentFaults(settings),
  ];
}

/** An address that others can reach needs something that tells who calls. */
function openFaults(settings: ReadValues): SettingFault[] {
  const faults: SettingFault[] = [];
  if (isOpen(settings.admin_listen) && settings.admin_token === undefined) {
    faults.push({ name: 'admin_listen', message: 'is not a loopback address: admin_token is needed' });
  }
  const cure = 'is not a loopback address: cluster_cert and cluster_cert_key are needed';
  if (hasCertificates(settings)) return faults;
  if (isOpen(settings.cluster_listen)) faults.push({ name: 'cluster_listen', message: cure });
  if (settings.control_plane?.some(isRemote)) faults.push({ name: 'control_plane', message: cure });
  return faults;
}

const pairs: readonly (readonly [SettingName, SettingName])[] = [
  ['cluster_cert', 'cluster_cert_key'],
  ['cluster_cert_next', 'cluster_cert_key_next'],
  ['admin_tls_cert', 'admin_tls_key'],
];

/** Settings that mean nothing without each other. */
function pairFaults(settings: ReadValues): SettingFault[] {
  return pairs.flatMap(([a, b]) => {
    if (settings[a] !== undefined && settings[b] === undefined) return [{ name: a, message: `needs ${b} beside it` }];
    if (settings[b] !== undefined && settings[a] === undefined) return [{ name: b, message: `needs ${a} beside it` }];
    return [];
  });
}

/** An attacker who can reach the port may guess: 16 characters leave no chance. */
const openTokenCharactersMin = 16;

function tokenFaults(settings: ReadValues): SettingFault[] {
  const faults: SettingFault[] = [];
  for (const name of ['admin_token', 'admin_token_read_only'] as const) {
    const token = settings[name];
    if (token === undefined || token.length >= openTokenCharactersMin || !isOpen(settings.admin_listen)) continue;
    const message = `must have at least ${openTokenCharactersMin} characters, since admin_listen is not a loopback address`;
    faults.push({ name, message });
  }
  if (settings.admin_token !== undefined && settings.admin_token === settings.admin_token_read_only) {
    faults.push({ name: 'admin_token_read_only', message: 'must differ from admin_token' });
  }
  return faults;
}

function certificateFaults(settings: ReadValues): SettingFault[] {
  const faults: SettingFault[] = [];
  if (settings.cluster_ca !== undefined && !hasCertificates(settings)) {
    faults.push({ name: 'cluster_ca', message: 'needs cluster_cert and cluster_cert_key beside it' });
  }
  if (settings.cluster_server_name !== undefined && settings.cluster_ca === undefined) {
    faults.push({ name: 'cluster_server_name', message: 'needs cluster_ca beside it' });
  }
  // Without the name a node would believe any certificate of the CA, those of other nodes too.
  if (
    settings.role === 'data_plane' &&
    settings.cluster_ca !== undefined &&
    settings.cluster_server_name === undefined
  ) {
    faults.push({ name: 'cluster_ca', message: 'needs cluster_server_name beside it' });
  }
  return faults;
}

function drainFaults({ drain_delay: delayMs = 0, drain_timeout: timeoutMs = Infinity }: ReadValues): SettingFault[] {
  return delayMs > timeoutMs ? [{ name: 'drain_delay', message: 'must not be longer than drain_timeout' }] : [];
}

/** A node without a database has its configuration from exactly one place. */
function documentFaults(settings: ReadValues): SettingFault[] {
  const { role, declarative_config: file, declarative_config_text: text, watch_config: watch } = settings;
  if (role !== 'dbless') return [];
  if (file === undefined && text === undefined) {
    return [{ name: 'declarative_config', message: 'is required, or declarative_config_text in its place' }];
  }
  if (file !== undefined && text !== undefined) {
    return [{ name: 'declarative_config_text', message: 'excludes declarative_config; give one of them' }];
  }
  if (text !== undefined && watch === true) {
    return [{ name: 'watch_config', message: 'needs declarative_config, the file to watch' }];
  }
  return [];
}

function hasCertificates(settings: ReadValues): boolean {
  return settings.cluster_cert !== undefined && settings.cluster_cert_key !== undefined;
}

function isOpen(address: ReadValues['admin_listen']): boolean {
  return address !== undefined && address !== 'off' && !isLoopback(address.host);
}

/** Takes `host:port` and `[::1]:port`. */
function isRemote(address: string): boolean {
  return !isLoopback(address.slice(0, address.lastIndexOf(':')).replaceAll(/^\[|\]$/g, ''));
}
