import { isIP } from 'node:net';
import { foreign, integer, number, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { splitHostPort } from './host.ts';

const time = { auto: true } as const;

export const targetFields = {
  id: idField,
  created_at: number({ ...time, description: 'When the entity was made, in seconds since 1970.' }),
  updated_at: number({ ...time, description: 'When the entity was last changed, in seconds since 1970.' }),
  upstream: foreign('upstreams', { required: true, onDelete: 'cascade' }),
  target: string({
    required: true,
    check: checkTarget,
    description: 'Name or address of a server, with a port (8000 when it is left out).',
  }),
  weight: integer({ default: 100, between: [0, 65_535], description: 'Its share of the requests; 0: none.' }),
  tags: tagsField,
} as const;

export type Target = InferFields<typeof targetFields>;

export const targetEntity: EntityDescriptor = {
  name: 'target',
  plural: 'targets',
  key: 'target',
  keyWithin: 'upstream',
  normalizeKey: normalizeTarget,
  fields: targetFields,
  checks: [],
  uniqueTogether: [['target', 'upstream']],
  expand: expandTarget,
};

const portDefault = 8000;

/** `host:port` with the default port in its place; what is no target stays as it is. */
export function normalizeTarget(target: string): string {
  const parts = splitHostPort(target);
  if (parts === undefined) return target;
  const host = isIP(parts.host) === 6 ? `[${parts.host}]` : parts.host;
  return `${host}:${parts.port ?? portDefault}`;
}

function checkTarget(target: string): string | undefined {
  return splitHostPort(target) === undefined
    ? `Invalid target ('${target}'); not a valid hostname or ip address`
    : undefined;
}

function expandTarget(body: Readonly<Record<string, unknown>>) {
  const { target } = body;
  return { body: typeof target === 'string' ? { ...body, target: normalizeTarget(target) } : body, faults: [] };
}
