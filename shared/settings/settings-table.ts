import { adminSettings } from './admin-settings.ts';
import { boundSettings } from './bound-settings.ts';
import { clusterSettings } from './cluster-settings.ts';
import { nodeSettings } from './node-settings.ts';
import { proxySettings } from './proxy-settings.ts';
import type { Role, Setting } from './setting.ts';

/** Every setting: a flag (`--admin-listen`), a variable (`SLUICE_ADMIN_LISTEN`) and a name in `config_file`. */
export const settingsTable = {
  ...nodeSettings,
  ...adminSettings,
  ...clusterSettings,
  ...proxySettings,
  ...boundSettings,
};

type Table = typeof settingsTable;
export type SettingName = keyof Table;

type ValueOf<S, R extends Role> =
  S extends Setting<infer T, infer D, readonly Role[], infer Q>
    ? R extends Q[number]
      ? T
      : D extends string
        ? T
        : T | undefined
    : never;
type NamesOf<R extends Role> = {
  [Name in SettingName]: R extends Table[Name]['roles'][number] ? Name : never;
}[SettingName];

/** Typed values of the settings that this role has, and of no others. */
export type SettingsOf<R extends Role> = {
  readonly [Name in NamesOf<R>]: Name extends 'role' ? R : ValueOf<Table[Name], R>;
};

/** Settings of a node; `role` tells which. */
export type Settings = { [R in Role]: SettingsOf<R> }[Role];

type AnyValueOf<S> = S extends Setting<infer T, string | undefined> ? T | undefined : never;

/** Values of whatever role, as far as they could be read. */
export type ReadValues = { readonly [Name in SettingName]?: AnyValueOf<Table[Name]> };

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsTable, name);
}

export const settingNames: readonly SettingName[] = Object.keys(settingsTable).filter(isSettingName);
