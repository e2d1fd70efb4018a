import { signal } from '@preact/signals';
import { ApiError, call, get } from './client.ts';
import { listOf, recordOf, recordsOf, textOf, type Values } from './read.ts';
import { access } from './session.ts';

/** The control plane as `GET /` and `GET /endpoints` tell it. */
export interface ControlPlane {
  readonly role: string;
  readonly version: string;
  readonly hostname: string;
  /** The configuration is a file: entities cannot be written one by one. */
  readonly isFile: boolean;
  readonly adminListeners: readonly string[];
  readonly proxyListeners: readonly string[];
  readonly plugins: readonly string[];
  readonly endpoints: ReadonlySet<string>;
}

export const controlPlane = signal<ControlPlane | undefined>(undefined);

/** Reads what the control plane is and what the token may do. */
export async function enter(): Promise<void> {
  const info = recordOf(await get('/'));
  const endpoints = recordOf(await get('/endpoints'));
  controlPlane.value = toControlPlane(info, listOf(endpoints['data']));
  access.value = (await mayWrite()) ? 'full' : 'read_only';
}

/**
 * Returns whether the token may write. Nothing tells it, so the console asks for a method that `/status` does not have:
 * a token that may only read is refused (403) before the method is (405).
 */
async function mayWrite(): Promise<boolean> {
  try {
    await call('PUT', '/status');
  } catch (error) {
    if (error instanceof ApiError) return error.status !== 403;
    throw error;
  }
  return true;
}

function toControlPlane(info: Values, endpoints: readonly unknown[]): ControlPlane {
  const configuration = recordOf(info['configuration']);
  return {
    role: textOf(configuration['role']) ?? '',
    version: textOf(info['sluice_version']) ?? '',
    hostname: textOf(info['hostname']) ?? '',
    isFile: configuration['database'] === 'off',
    adminListeners: listeners(configuration['admin_listeners']),
    proxyListeners: listeners(configuration['proxy_listeners']),
    plugins: Object.keys(recordOf(recordOf(info['plugins'])['available_on_server'])).sort(),
    endpoints: new Set(endpoints.flatMap((path) => textOf(path) ?? [])),
  };
}

function listeners(value: unknown): readonly string[] {
  return recordsOf(value).flatMap(({ listener }) => textOf(listener) ?? []);
}

/** Returns whether things can be changed here. */
export function isWritable(): boolean {
  return access.value === 'full' && controlPlane.value?.isFile === false;
}

/** Tells whether this Admin API runs sample requests. */
export function canTry(): boolean {
  const endpoints = controlPlane.value?.endpoints;
  return endpoints?.has('/try') === true || endpoints?.has('/clustering/data-planes/{id}/try') === true;
}
