import type { EntityDescriptor } from '../entities/entity.ts';
import { isRecord } from '../schema/is-record.ts';
import type { DocumentFault, DocumentPath } from './document-item.ts';

type Values = Readonly<Record<string, unknown>>;

/** The fields of a document that stand beside its entities. */
export interface DocumentHead {
  /** Values for fields that entities leave out, by singular name: `_info.defaults` of decK. */
  readonly defaults: ReadonlyMap<string, Values>;
  readonly faults: readonly DocumentFault[];
}

export const formatVersion = '3.0';
const formatVersions = ['1.1', '2.1', formatVersion];

/** The one workspace of Kong that means the same here. */
const workspaceName = 'default';

/** Checks each field of the document that is no list of entities. Undefined stands for an absent field. */
const headChecks: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  _format_version(value) {
    if (value === undefined || value === null) return 'required field missing';
    if (typeof value !== 'string') return 'expected a string';
    return formatVersions.includes(value) ? undefined : `expected one of: ${formatVersions.join(', ')}`;
  },
  // Nothing is transformed on the way in, so that either value means the same.
  _transform: (value) => (value === undefined || typeof value === 'boolean' ? undefined : 'expected a boolean'),
  _comment: () => undefined,
  _ignore: () => undefined,
  _info: () => undefined,
  _workspace: (value) =>
    value === undefined || value === null || value === workspaceName
      ? undefined
      : `there is one workspace, '${workspaceName}'`,
  // Exports of Kong's database hold both.
  workspaces: checkWorkspaces,
  parameters: checkParameters,
};

/** Kinds of Kong that there are none of here. Exports hold them as empty lists, which say nothing. */
const otherKinds: ReadonlySet<string> = new Set([
  'acls',
  'asymmetric_keys',
  'basicauth_credentials',
  'consumer_group_consumers',
  'consumer_group_plugins',
  'consumer_groups',
  'custom_plugins',
  'degraphql_routes',
  'event_hooks',
  'filter_chains',
  'graphql_ratelimiting_advanced_cost_decoration',
  'hmacauth_credentials',
  'key_sets',
  'keys',
  'licenses',
  'mtls_auth_credentials',
  'oauth2_authorization_codes',
  'oauth2_credentials',
  'oauth2_tokens',
  'partials',
  'plugins_partials',
  'rbac_roles',
  'rbac_users',
  'sessions',
  'vaults',
]);

/** Reads and checks the document's own fields. */
export function readHead(document: Values, entities: readonly EntityDescriptor[]): DocumentHead {
  const faults = Object.entries(headChecks).flatMap(([name, check]): DocumentFault[] => {
    const message = check(Object.hasOwn(document, name) ? document[name] : undefined);
    return message === undefined ? [] : [{ path: [name], message }];
  });
  const kinds = new Set(entities.map(({ plural }) => plural));
  for (const [name, value] of Object.entries(document)) {
    if (Object.hasOwn(headChecks, name) || kinds.has(name)) continue;
    if (!isEmpty(value) || !otherKinds.has(name)) faults.push({ path: [name], message: 'unknown field' });
  }
  const info = readInfo(document['_info'], entities);
  return { defaults: info.defaults, faults: [...faults, ...info.faults] };
}

/** Reads decK's `_info`. What it asks for is done or refused, never passed over. */
function readInfo(info: unknown, entities: readonly EntityDescriptor[]): DocumentHead {
  const defaults = new Map<string, Values>();
  const faults: DocumentFault[] = [];
  const refuse = (path: DocumentPath, message: string): void => void faults.push({ path: ['_info', ...path], message });
  if (info === undefined || info === null) return { defaults, faults };
  if (!isRecord(info)) {
    refuse([], 'expected a record');
    return { defaults, faults };
  }
  for (const [name, value] of Object.entries(info)) {
    if (isEmpty(value)) continue;
    if (name === 'select_tags') {
      refuse(
        [name],
        'not supported: a load replaces everything, whatever its tags; remove it and tag entities yourself',
      );
    } else if (name !== 'defaults') {
      refuse([name], 'not supported');
    } else if (!isRecord(value)) {
      refuse([name], 'expected a record');
    } else {
      for (const [kind, fields] of Object.entries(value)) {
        if (isEmpty(fields)) continue;
        if (!entities.some((entity) => entity.name === kind)) refuse([name, kind], 'unknown field');
        else if (!isRecord(fields)) refuse([name, kind], 'expected a record');
        else defaults.set(kind, fields);
      }
    }
  }
  return { defaults, faults };
}

/** Returns the record with the default of each field that it leaves out, at any depth. */
export function withDefaults(record: Values, defaults: Values | undefined): Values {
  if (defaults === undefined) return record;
  const filled: [string, unknown][] = Object.entries(defaults).map(([name, value]) => {
    const own = Object.hasOwn(record, name) ? record[name] : undefined;
    if (own === undefined) return [name, value];
    return [name, isRecord(own) && isRecord(value) ? withDefaults(own, value) : own];
  });
  return Object.fromEntries([...Object.entries(record), ...filled]);
}

function checkWorkspaces(value: unknown): string | undefined {
  const isOne = isEveryRecord(value, ({ name }) => name === workspaceName);
  return isOne ? undefined : `there is one workspace, '${workspaceName}'`;
}

function checkParameters(value: unknown): string | undefined {
  const isKnown = isEveryRecord(value, ({ key }) => key === 'cluster_id');
  return isKnown ? undefined : "no parameter but 'cluster_id' is known";
}

function isEveryRecord(value: unknown, test: (record: Values) => boolean): boolean {
  if (isEmpty(value)) return true;
  return Array.isArray(value) && value.every((item: unknown) => isRecord(item) && test(item));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}
