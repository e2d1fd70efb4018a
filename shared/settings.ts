import { nearestName } from './nearest-name.ts';
import { isLoopback, ValueError } from './setting-values.ts';
import { roles, settingsTable, type Role, type Setting, type SettingName, type Settings } from './settings-table.ts';

export interface SettingFault {
  /** The setting's name, or the flag or variable that is none. */
  readonly name: string;
  readonly message: string;
}

export type ParsedSettings =
  | { readonly kind: 'valid'; readonly settings: Settings }
  | { readonly kind: 'faulty'; readonly faults: readonly SettingFault[] };

const prefix = 'SLUICE_';
const testPrefix = 'SLUICE_TEST_';
const names = Object.keys(settingsTable);

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsTable, name);
}

export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

export function variableOf(name: string): string {
  return prefix + name.toUpperCase();
}

/** Reads all settings and reports every fault of all of them at once. An empty variable counts as not set. */
export function parseSettings(sources: {
  /** The command line behind the command: `--name value` or `--name=value`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}): ParsedSettings {
  const faults: SettingFault[] = [];
  const flags = readFlags(sources.args, faults);
  const variables = readVariables(sources.env, faults);
  const role = readRole(flags.get('role') ?? variables.get('role'));
  const values = new Map<SettingName, unknown>();
  for (const name of names) {
    if (!isSettingName(name)) continue;
    const row: Setting<unknown, string | undefined> = settingsTable[name];
    const isOfRole = role === undefined || row.roles.includes(role);
    const flag = flags.get(name);
    if (flag !== undefined && !isOfRole) faults.push({ name, message: `is no setting of role ${role}` });
    const given = isOfRole ? (flag ?? variables.get(name)) : undefined;
    if (given === undefined && role !== undefined && row.required?.includes(role))
      faults.push({ name, message: 'is required' });
    if (given === undefined && name === 'role') faults.push({ name, message: 'is required' });
    values.set(name, readValue(name, row, given, faults));
  }
  // The table's types hold for what its own parsers returned.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const settings = Object.fromEntries(values) as unknown as Settings;
  if (role !== undefined) faults.push(...crossFaults(settings));
  return faults.length === 0 ? { kind: 'valid', settings } : { kind: 'faulty', faults };
}

function readRole(given: string | undefined): Role | undefined {
  return roles.find((role) => role === given);
}

function readValue(
  name: string,
  row: Setting<unknown, string | undefined>,
  given: string | undefined,
  faults: SettingFault[],
): unknown {
  const written = given ?? row.default;
  if (written === undefined) return undefined;
  try {
    const value = row.parse(written);
    if (row.supported !== undefined && !row.supported.includes(written)) {
      const works = row.supported.length === 0 ? '' : `; supported: ${row.supported.join(', ')}`;
      faults.push({ name, message: `is not supported yet${works}` });
    }
    return value;
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    faults.push({ name, message: error.message });
    return undefined;
  }
}

function readFlags(args: readonly string[], faults: SettingFault[]): Map<string, string> {
  const flags = new Map<string, string>();
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const match = /^--(?<flag>[^=]+)(?:=(?<value>.*))?$/s.exec(arg);
    const flag = match?.groups?.['flag'];
    if (flag === undefined) {
      faults.push({ name: 'arguments', message: 'expected only flags (--name value or --name=value)' });
      continue;
    }
    // What follows belongs to the flag even when the flag is unknown, unless it is a flag itself.
    const value = match?.groups?.['value'] ?? (left[0]?.startsWith('--') ? undefined : left.shift());
    const name = flag.replaceAll('-', '_');
    if (!isSettingName(name) || flag.includes('_')) faults.push({ name: `--${flag}`, message: unknown(flag) });
    else if (value === undefined) faults.push({ name, message: 'needs a value' });
    else if (flags.has(name)) faults.push({ name, message: 'is given twice' });
    else flags.set(name, value);
  }
  return flags;
}

function unknown(flag: string): string {
  const nearest = nearestName(flag.replaceAll('-', '_'), names);
  return nearest === undefined ? 'unknown flag' : `unknown flag; did you mean ${flagOf(nearest)}?`;
}

function readVariables(env: Readonly<Record<string, string | undefined>>, faults: SettingFault[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(prefix) || variable.startsWith(testPrefix) || value === undefined || value === '')
      continue;
    const name = variable.slice(prefix.length).toLowerCase();
    if (isSettingName(name) && variable === variableOf(name)) variables.set(name, value);
    else {
      // Orchestrators put names like SLUICE_PORT there: only what looks like a typing slip is refused.
      const nearest = nearestName(name, names);
      if (nearest !== undefined) {
        faults.push({ name: variable, message: `unknown variable; did you mean ${variableOf(nearest)}?` });
      }
    }
  }
  return variables;
}

/** What no setting shows alone. */
function crossFaults(settings: Settings): SettingFault[] {
  const { role } = settings;
  const faults: SettingFault[] = [];
  const add = (name: SettingName, message: string) => faults.push({ name, message });
  const hasAdmin = settingsTable.admin_listen.roles.some((other) => other === role);
  const { admin_listen: adminListen, cluster_listen: clusterListen } = settings;
  if (hasAdmin && isOpen(adminListen) && settings.admin_token === undefined) {
    add('admin_listen', 'is not a loopback address: admin_token is needed');
  }
  const hasCertificates = settings.cluster_cert !== undefined && settings.cluster_cert_key !== undefined;
  if (role === 'control_plane' && isOpen(clusterListen) && !hasCertificates) {
    add('cluster_listen', 'is not a loopback address: cluster_cert and cluster_cert_key are needed');
  }
  const isRemote = (address: string) =>
    !isLoopback(address.slice(0, address.lastIndexOf(':')).replaceAll(/^\[|\]$/g, ''));
  if (role === 'data_plane' && settings.control_plane?.some(isRemote) && !hasCertificates) {
    add('control_plane', 'is not a loopback address: cluster_cert and cluster_cert_key are needed');
  }
  const together = (a: SettingName, b: SettingName) => {
    if (settings[a] !== undefined && settings[b] === undefined) add(a, `needs ${b} beside it`);
    if (settings[b] !== undefined && settings[a] === undefined) add(b, `needs ${a} beside it`);
  };
  together('cluster_cert', 'cluster_cert_key');
  together('admin_tls_cert', 'admin_tls_key');
  if (settings.cluster_ca !== undefined && !hasCertificates) {
    add('cluster_ca', 'needs cluster_cert and cluster_cert_key beside it');
  }
  if (settings.cluster_server_name !== undefined && settings.cluster_ca === undefined) {
    add('cluster_server_name', 'needs cluster_ca beside it');
  }
  // Any certificate of the CA would do for a control plane otherwise, those of other nodes too.
  if (role === 'data_plane' && settings.cluster_ca !== undefined && settings.cluster_server_name === undefined) {
    add('cluster_ca', 'needs cluster_server_name beside it');
  }
  if (settings.admin_token !== undefined && settings.admin_token === settings.admin_token_read_only) {
    add('admin_token_read_only', 'must differ from admin_token');
  }
  if (settings.drain_delay > settings.drain_timeout) add('drain_delay', 'must not be longer than drain_timeout');
  return faults;
}

function isOpen(address: Settings['admin_listen'] | undefined): boolean {
  // Undefined where the value itself is faulty, which is reported already.
  return address !== undefined && address !== 'off' && !isLoopback(address.host);
}
