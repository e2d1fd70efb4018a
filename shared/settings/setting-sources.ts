import { nearestName } from '../nearest-name.ts';
import type { SettingFault } from './setting-fault.ts';
import { isSettingName, settingNames, type SettingName } from './settings-table.ts';

/** The places that settings are read from. */
export interface SettingSources {
  /** The command line behind the command: `--name value` or `--name=value`. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

const prefix = 'SLUICE_';
const testPrefix = 'SLUICE_TEST_';

export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

export function variableOf(name: string): string {
  return prefix + name.toUpperCase();
}

/** Reads `--name value` and `--name=value`. */
export function readFlags(args: readonly string[], faults: SettingFault[]): Map<SettingName, string> {
  const flags = new Map<SettingName, string>();
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const match = /^--(?<flag>[^=]+)(?:=(?<value>.*))?$/s.exec(arg);
    const flag = match?.groups?.['flag'];
    if (flag === undefined) {
      faults.push({ name: 'arguments', message: 'expected only flags (--name value or --name=value)' });
      continue;
    }
    // A value that follows belongs to the flag even when the flag is unknown, unless it is a flag itself.
    const value = match?.groups?.['value'] ?? (left[0]?.startsWith('--') ? undefined : left.shift());
    const name = flag.replaceAll('-', '_');
    if (!isSettingName(name) || flag.includes('_')) faults.push({ name: `--${flag}`, message: unknownFlag(flag) });
    else if (value === undefined) faults.push({ name, message: 'needs a value' });
    else if (flags.has(name)) faults.push({ name, message: 'is given twice' });
    else flags.set(name, value);
  }
  return flags;
}

function unknownFlag(flag: string): string {
  const nearest = nearestName(flag.replaceAll('-', '_'), settingNames);
  return nearest === undefined ? 'unknown flag' : `unknown flag; did you mean ${flagOf(nearest)}?`;
}

/** Reads the variables that name settings. An empty variable counts as not set. */
export function readVariables(env: SettingSources['env'], faults: SettingFault[]): Map<SettingName, string> {
  const variables = new Map<SettingName, string>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(prefix) || variable.startsWith(testPrefix) || value === undefined || value === '')
      continue;
    const name = variable.slice(prefix.length).toLowerCase();
    if (isSettingName(name) && variable === variableOf(name)) variables.set(name, value);
    else if (!isServiceLink(variable, value)) {
      const nearest = nearestName(name, settingNames);
      if (nearest !== undefined) {
        faults.push({ name: variable, message: `unknown variable; did you mean ${variableOf(nearest)}?` });
      }
    }
  }
  return variables;
}

/**
 * Says whether an orchestrator wrote this variable for a service named `sluice` or `sluice-…`. Kubernetes and Docker set
 * NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_HTTP, NAME_PORT=tcp://10.0.0.1:80, NAME_PORT_80_TCP and
 * NAME_PORT_80_TCP_ADDR, _PORT, _PROTO; some of these are close to names of settings.
 */
export function isServiceLink(variable: string, value: string): boolean {
  return (
    /_SERVICE_(?:HOST|PORT(?:_\w+)?)$/.test(variable) ||
    /_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(variable) ||
    (variable.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value))
  );
}
