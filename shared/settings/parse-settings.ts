import { crossFaults } from './setting-checks.ts';
import type { SettingFault } from './setting-fault.ts';
import { readFlags, readVariables, type SettingSources } from './setting-sources.ts';
import { ValueError } from './setting-values.ts';
import { roles, type Role, type Setting } from './setting.ts';
import { settingNames, settingsTable, type SettingName, type Settings } from './settings-table.ts';

export type ParsedSettings =
  | { readonly kind: 'valid'; readonly settings: Settings }
  | { readonly kind: 'faulty'; readonly faults: readonly SettingFault[] };

/** Reads the settings of the role and reports every fault of all of them at once. A flag wins over its variable. */
export function parseSettings(sources: SettingSources): ParsedSettings {
  const faults: SettingFault[] = [];
  const flags = readFlags(sources.args, faults);
  const variables = readVariables(sources.env, faults);
  const role = roles.find((candidate) => candidate === (flags.get('role') ?? variables.get('role')));
  const values = new Map<SettingName, unknown>();
  for (const name of settingNames) {
    const row: Setting<unknown, string | undefined> = settingsTable[name];
    const flag = flags.get(name);
    if (role !== undefined && !row.roles.includes(role)) {
      if (flag !== undefined) faults.push({ name, message: `is no setting of role ${role}` });
      continue;
    }
    const given = flag ?? variables.get(name);
    if (given === undefined && isRequired(name, row, role)) faults.push({ name, message: 'is required' });
    values.set(name, readValue(name, row, given, faults));
  }
  const read = Object.fromEntries(values);
  if (role !== undefined) faults.push(...crossFaults(read));
  // The types of the table hold for the values that its own parsers returned.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return faults.length === 0 ? { kind: 'valid', settings: read as unknown as Settings } : { kind: 'faulty', faults };
}

function isRequired(name: SettingName, row: Setting<unknown, string | undefined>, role: Role | undefined): boolean {
  return name === 'role' || (role !== undefined && row.required?.includes(role) === true);
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
