import { foreign, integer, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { expandTtl, expiryField, ttlField } from './expiry.ts';

export const keyauthCredentialFields = {
  id: idField,
  created_at: timeFields.created_at,
  consumer: foreign('consumers', { required: true, onDelete: 'cascade' }),
  key: string({ unique: true, auto: true, encrypted: true, description: 'The key; a random one when it is absent.' }),
  tags: tagsField,
  [expiryField]: integer({ internal: true }),
} as const;

export type KeyauthCredential = InferFields<typeof keyauthCredentialFields>;

export const keyauthCredentialEntity: EntityDescriptor = {
  name: 'keyauth_credential',
  plural: 'keyauth_credentials',
  path: 'key-auths',
  nestedPath: 'key-auth',
  key: 'key',
  fields: keyauthCredentialFields,
  shorthands: { ttl: ttlField },
  checks: [],
  expand: expandTtl,
};
