import { readConfigFile } from './config-file.ts';
import { namesPlace, readSecret } from './secret-value.ts';
import { crossFaults } from './setting-checks.ts';
import type { SettingFault } from './setting-fault.ts';
import { readFlags, readVariables, type SettingSources } from './setting-sources.ts';
import { ValueError } from './setting-values.ts';
import { roles, type Role, type Setting } from './setting.ts';
import { settingNames, settingsTable, type SettingName, type Settings } from './settings-table.ts';

export type ParsedSettings =
  | { readonly kind: 'valid'; readonly settings: Settings; readonly warnings: readonly SettingFault[] }
  | { readonly kind: 'faulty'; readonly faults: readonly SettingFault[] };

type Row = Setting<unknown, string | undefined>;
type Texts = ReadonlyMap<SettingName, string>;

/**
 * Reads the settings of the role and reports every fault of all of them at once. A flag wins over its variable, and a
 * variable over `config_file`.
 */
export function parseSettings(sources: SettingSources): ParsedSettings {
  const faults: SettingFault[] = [];
  const flags = readFlags(sources.args, faults);
  const variables = readVariables(sources.env, faults);
  const path = flags.get('config_file') ?? variables.get('config_file');
  const filed: Texts = path === undefined ? new Map() : readConfigFile(path, faults);
  const given = (name: SettingName) => flags.get(name) ?? variables.get(name) ?? filed.get(name);
  const role = roles.find((candidate) => candidate === given('role'));
  const values = new Map<SettingName, unknown>();
  for (const name of settingNames) {
    const row: Row = settingsTable[name];
    if (role !== undefined && !row.roles.includes(role)) {
      // Variables may be there for another node.
      if (flags.has(name) || filed.has(name)) faults.push({ name, message: `is no setting of role ${role}` });
      continue;
    }
    const text = given(name);
    if (text === undefined && isRequired(name, row, role)) faults.push({ name, message: 'is required' });
    values.set(name, readValue({ name, row, given: text, env: sources.env, faults }));
  }
  const read = Object.fromEntries(values);
  if (role !== undefined) faults.push(...crossFaults(read));
  if (faults.length > 0) return { kind: 'faulty', faults };
  // The types of the table hold for the values that its own parsers returned.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { kind: 'valid', settings: read as unknown as Settings, warnings: shownSecrets(flags) };
}

/** The secrets that any user of the machine can read from the list of processes. */
function shownSecrets(flags: Texts): SettingFault[] {
  return [...flags].flatMap(([name, text]) => {
    const row: Row = settingsTable[name];
    if (row.isSecret !== true || namesPlace(text)) return [];
    const message = 'every user of this machine can read it on the command line; use a variable, file:PATH or env:NAME';
    return [{ name, message }];
  });
}

function isRequired(name: SettingName, row: Row, role: Role | undefined): boolean {
  return name === 'role' || (role !== undefined && row.required?.includes(role) === true);
}

interface Written {
  readonly name: SettingName;
  readonly row: Row;
  readonly given: string | undefined;
  readonly env: SettingSources['env'];
  readonly faults: SettingFault[];
}

function readValue({ name, row, given, env, faults }: Written): unknown {
  const written = given ?? row.default;
  if (written === undefined) return undefined;
  try {
    return row.parse(row.isSecret === true ? readSecret(written, env) : written, given === undefined);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    faults.push({ name, message: row.isSecret === true ? error.message : `${error.message}; got ${shown(written)}` });
    return undefined;
  }
}

const shownCharactersMax = 100;

/** The value that was written, so that the operator finds it. */
function shown(written: string): string {
  const text = written.length > shownCharactersMax ? `${written.slice(0, shownCharactersMax)}…` : written;
  return JSON.stringify(text);
}
