import { load, YAMLException } from 'js-yaml';
import { nearestName } from '../nearest-name.ts';
import { readFileText } from './secret-value.ts';
import type { SettingFault } from './setting-fault.ts';
import { ValueError } from './setting-values.ts';
import { isSettingName, settingNames, type SettingName } from './settings-table.ts';

/** Reads the settings of `config_file`: a YAML mapping of names to values; lists and mappings are written out. */
export function readConfigFile(path: string, faults: SettingFault[]): Map<SettingName, string> {
  const values = new Map<SettingName, string>();
  const fault = (message: string) => faults.push({ name: 'config_file', message: `${path}: ${message}` });
  for (const [name, value] of entriesOf(path, fault)) {
    if (!isSettingName(name)) fault(unknown(name));
    else if (name === 'config_file') fault('config_file cannot stand in the file itself');
    else if (value !== null) {
      const text = textOf(value);
      if (text === undefined) fault(`${name}: expected a text, a number, true, false or a list of them`);
      else values.set(name, text);
    }
  }
  return values;
}

function entriesOf(path: string, fault: (message: string) => void): [string, unknown][] {
  try {
    const document: unknown = load(readFileText(path));
    if (document === undefined || document === null) return [];
    if (typeof document === 'object' && !Array.isArray(document)) return Object.entries(document);
    fault('expected a mapping of settings to values');
  } catch (error) {
    if (error instanceof YAMLException) {
      const { line, column } = error.mark ?? { line: 0, column: 0 };
      fault(`line ${line + 1}, column ${column + 1}: ${error.reason}`);
    } else if (error instanceof ValueError) fault(error.message);
    else throw error;
  }
  return [];
}

function unknown(name: string): string {
  const nearest = nearestName(name.replaceAll('-', '_'), settingNames);
  return nearest === undefined ? `unknown setting ${name}` : `unknown setting ${name}; did you mean ${nearest}?`;
}

/** Writes a value as a flag would have it: a list by commas, a mapping as `key=value`. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return joined(value.map(textOf));
  if (typeof value !== 'object' || value === null) return undefined;
  return joined(
    Object.entries(value).map(([key, inner]) => {
      const text = textOf(inner);
      return text === undefined ? undefined : `${key}=${text}`;
    }),
  );
}

function joined(texts: readonly (string | undefined)[]): string | undefined {
  return texts.every((text) => text !== undefined) ? texts.join(',') : undefined;
}
