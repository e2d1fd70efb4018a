import { shown, textOf, type Values } from './read.ts';

/** A kind of entity as the console shows it. What its fields are comes from the published schema. */
export interface Kind {
  /** The collection in the Admin API's paths and in the console's. */
  readonly path: string;
  /** The plural name, by which `/schemas` and the audit log know it. */
  readonly plural: string;
  readonly one: string;
  readonly title: string;
  readonly columns: readonly string[];
  /** What is removed with it, in words. */
  readonly goesAlong?: string;
  /** Stands under another kind in the menu. */
  readonly below?: string;
}

export const kinds: readonly Kind[] = [
  {
    path: 'services',
    plural: 'services',
    one: 'service',
    title: 'Services',
    columns: ['name', 'protocol', 'host', 'port', 'path', 'enabled'],
    goesAlong: 'Its plugins are removed with it. A service that routes refer to cannot be removed.',
  },
  {
    path: 'routes',
    plural: 'routes',
    one: 'route',
    title: 'Routes',
    columns: ['name', 'methods', 'hosts', 'paths', 'service'],
    goesAlong: 'Its plugins are removed with it.',
  },
  {
    path: 'plugins',
    plural: 'plugins',
    one: 'plugin',
    title: 'Plugins',
    columns: ['name', 'instance_name', 'route', 'service', 'consumer', 'enabled'],
  },
  {
    path: 'consumers',
    plural: 'consumers',
    one: 'consumer',
    title: 'Consumers',
    columns: ['username', 'custom_id'],
    goesAlong: 'Its credentials and plugins are removed with it.',
  },
  {
    path: 'key-auths',
    plural: 'keyauth_credentials',
    one: 'API key',
    title: 'API keys',
    columns: ['id', 'consumer'],
    below: 'consumers',
  },
  {
    path: 'basic-auths',
    plural: 'basicauth_credentials',
    one: 'login',
    title: 'Logins',
    columns: ['username', 'consumer'],
    below: 'consumers',
  },
  {
    path: 'hmac-auths',
    plural: 'hmacauth_credentials',
    one: 'HMAC credential',
    title: 'HMAC credentials',
    columns: ['username', 'consumer'],
    below: 'consumers',
  },
  {
    path: 'acls',
    plural: 'acls',
    one: 'group',
    title: 'Groups',
    columns: ['group', 'consumer'],
    below: 'consumers',
  },
  {
    path: 'jwts',
    plural: 'jwt_secrets',
    one: 'JWT credential',
    title: 'JWT credentials',
    columns: ['key', 'algorithm', 'consumer'],
    below: 'consumers',
  },
  {
    path: 'upstreams',
    plural: 'upstreams',
    one: 'upstream',
    title: 'Upstreams',
    columns: ['name', 'algorithm', 'slots'],
    goesAlong: 'Its targets are removed with it.',
  },
  {
    path: 'targets',
    plural: 'targets',
    one: 'target',
    title: 'Targets',
    columns: ['target', 'weight', 'upstream'],
    below: 'upstreams',
  },
  {
    path: 'certificates',
    plural: 'certificates',
    one: 'certificate',
    title: 'Certificates',
    columns: ['snis', 'id'],
    goesAlong: 'Its server names are removed with it.',
  },
  {
    path: 'ca_certificates',
    plural: 'ca_certificates',
    one: 'CA certificate',
    title: 'CA certificates',
    columns: ['id', 'cert_digest'],
    below: 'certificates',
  },
  {
    path: 'snis',
    plural: 'snis',
    one: 'server name',
    title: 'Server names',
    columns: ['name', 'certificate'],
    below: 'certificates',
  },
];

export function kindAt(path: string): Kind | undefined {
  return kinds.find((kind) => kind.path === path);
}

/** Finds a kind by the plural name, or by the singular name that faults of a node tell. */
export function kindOfEntity(name: string): Kind | undefined {
  return kinds.find(({ plural }) => plural === name || plural === `${name}s`);
}

/** Returns the name by which people know an entity; its id where it has none. */
export function entityName(entity: Values): string {
  for (const field of ['name', 'username', 'custom_id', 'target']) {
    const text = textOf(entity[field]);
    if (text !== undefined && text !== '') {
      const instance = textOf(entity['instance_name']);
      return instance === undefined ? text : `${text} ${instance}`;
    }
  }
  const snis = entity['snis'];
  if (Array.isArray(snis) && snis.length > 0) return snis.map(shown).join(', ');
  return textOf(entity['id']) ?? '';
}
