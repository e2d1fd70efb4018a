import { isIP } from 'node:net';
import { dirname, resolve, sep } from 'node:path';
import type { ListenAddress } from '../../shared/settings/setting-values.ts';
import type { Setting } from '../../shared/settings/setting.ts';
import {
  isSettingName,
  settingsTable,
  type ReadValues,
  type SettingName,
} from '../../shared/settings/settings-table.ts';

/** A start that failed for the value of a setting. */
export interface StartFailure {
  readonly setting: SettingName;
  /** The value as it would be written; empty where it is a secret. */
  readonly value: string;
  /** The reason and the cure. */
  readonly reason: string;
}

/** Finds the setting that a failed start is to be blamed on; undefined: none, the fault is another one. */
export function startFailure(error: unknown, settings: ReadValues): StartFailure | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const failure = listenFailure(cause, settings) ?? fileFailure(cause, settings) ?? databaseFailure(cause, settings);
    if (failure !== undefined) return failure;
  }
  return error instanceof Error ? namedFailure(error, settings) : undefined;
}

/** One line: setting, value, reason and cure. */
export function failureLine({ setting, value, reason }: StartFailure): string {
  return `${setting}${value === '' ? '' : ` ${value}`}: ${reason}`;
}

const listeners = ['admin_listen', 'cluster_listen', 'status_listen', 'proxy_listen', 'proxy_listen_tls'] as const;

const listenReasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; stop the process that has it, or choose another port (0: any free one)',
  EACCES: 'this user may not use the port; choose one above 1023, or give the process CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address; choose one of its own, or 0.0.0.0 for all',
  ENOTFOUND: 'the host name has no address; mend the name, or write an IP address',
  EAI_AGAIN: 'the host name could not be looked up; mend the name server, or write an IP address',
};

function listenFailure(error: Error, settings: ReadValues): StartFailure | undefined {
  const { code, address, hostname, port } = factsOf(error);
  const reason = code === undefined ? undefined : listenReasons[code];
  if (reason === undefined) return undefined;
  const setting = listeners.find((name) => {
    const listen = settings[name];
    if (listen === undefined || listen === 'off') return false;
    if (hostname !== undefined) return listen.host === hostname;
    // The error of port 0 has no port. A host name such as localhost is bound by its address.
    return listen.port === (port ?? 0) && (listen.host === address || isIP(listen.host) === 0);
  });
  return setting && { setting, value: listenerText(settings[setting]), reason };
}

function listenerText(listen: ListenAddress | undefined): string {
  if (listen === undefined || listen === 'off') return 'off';
  return `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`;
}

const files = [
  'database',
  'keyring',
  'declarative_config',
  'cluster_cert',
  'cluster_cert_key',
  'cluster_cert_next',
  'cluster_cert_key_next',
  'cluster_ca',
  'admin_tls_cert',
  'admin_tls_key',
  'data_dir',
] as const;

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; mend the path, or make the file',
  EACCES: 'this user may not read or write it; mend its owner and mode',
  EPERM: 'this user may not read or write it; mend its owner and mode',
  EISDIR: 'it is a folder; name a file',
  ENOTDIR: 'a part of the path is a file, not a folder; mend the path',
  EEXIST: 'it is a file; name a folder',
  EROFS: 'its file system is read-only; name a place that can be written',
  ENOSPC: 'its disk is full; free some space',
};

function fileFailure(error: Error, settings: ReadValues): StartFailure | undefined {
  const { code, path } = factsOf(error);
  const reason = code === undefined ? undefined : fileReasons[code];
  if (reason === undefined || path === undefined) return undefined;
  const setting = files.find((name) => {
    const value = settings[name]?.replace(/^file:/, '');
    if (value === undefined) return false;
    const own = resolve(value);
    const at = resolve(path);
    // The folder of a database is made first; a data folder holds further files.
    return at === own || at.startsWith(own + sep) || (name === 'database' && dirname(own).startsWith(at));
  });
  return setting && { setting, value: settings[setting] ?? '', reason };
}

const databaseReasons: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'it is no SQLite database, or an encrypted one; name another file',
  SQLITE_CORRUPT: 'the database is damaged; restore a backup, or name another file',
  SQLITE_CANTOPEN: 'it cannot be opened; name a file that this user may write, in a folder that it may write',
  SQLITE_CANTOPEN_ISDIR: 'it is a folder; name a file',
  SQLITE_READONLY: 'it cannot be written; mend its owner and mode',
  SQLITE_READONLY_DIRECTORY: 'its folder cannot be written; mend its owner and mode',
  SQLITE_FULL: 'its disk is full; free some space',
  SQLITE_BUSY: 'another process holds it; stop that process, or name another file',
};

function databaseFailure(error: Error, settings: ReadValues): StartFailure | undefined {
  const reason = databaseReasons[factsOf(error).code ?? ''];
  if (reason === undefined || settings.database === undefined) return undefined;
  return { setting: 'database', value: settings.database, reason };
}

/** An error whose text begins with the name of a setting was worded by a check of ours: `keyring: line 2 …`. */
function namedFailure({ message }: Error, settings: ReadValues): StartFailure | undefined {
  const { name, reason } = /^(?<name>[a-z_]+): (?<reason>.+)$/s.exec(message)?.groups ?? {};
  if (name === undefined || reason === undefined || !isSettingName(name)) return undefined;
  const row: Setting<unknown, string | undefined> = settingsTable[name];
  const value = row.isSecret === true ? undefined : settings[name];
  return { setting: name, value: typeof value === 'string' ? value : '', reason };
}

interface Facts {
  readonly code: string | undefined;
  readonly address: string | undefined;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
}

/** The facts that Node.js and SQLite put on their errors. */
function factsOf(error: Error): Facts {
  const given = new Map<string, unknown>(Object.entries(error));
  const textOf = (name: string) => {
    const value = given.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const port = given.get('port');
  return {
    code: textOf('code'),
    address: textOf('address'),
    hostname: textOf('hostname'),
    path: textOf('path'),
    port: typeof port === 'number' ? port : undefined,
  };
}
