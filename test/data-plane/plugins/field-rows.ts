import type { Request, Values } from './guard-fixture.ts';

/** A field, and requests with which a config that sets it means something else than one that does not. */
export interface FieldRow {
  readonly field: string;
  /** Both configs have this; a required field must stand here. */
  readonly base?: Values;
  /** The field's other value, with whatever it cannot be without. */
  readonly config: Values;
  readonly requests: readonly Request[];
}

const form = ['content-type', 'application/x-www-form-urlencoded'];
const withKey: Request = { headers: ['apikey', 'ada-key'] };

/** Rows by plugin; every published field has one. */
export const fieldRows: Readonly<Record<string, readonly FieldRow[]>> = {
  'key-auth': [
    { field: 'key_names', config: { key_names: ['x-key'] }, requests: [withKey] },
    { field: 'hide_credentials', config: { hide_credentials: true }, requests: [withKey] },
    { field: 'anonymous', config: { anonymous: 'guest' }, requests: [{}] },
    { field: 'key_in_header', config: { key_in_header: false }, requests: [withKey] },
    { field: 'key_in_query', config: { key_in_query: false }, requests: [{ target: '/?apikey=ada-key' }] },
    { field: 'key_in_body', config: { key_in_body: true }, requests: [{ headers: form, body: 'apikey=ada-key' }] },
    { field: 'run_on_preflight', config: { run_on_preflight: false }, requests: [{ method: 'OPTIONS' }] },
    { field: 'realm', config: { realm: 'api' }, requests: [{}] },
  ],
};
