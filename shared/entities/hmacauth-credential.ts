import { foreign, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';

export const hmacauthCredentialFields = {
  id: idField,
  created_at: timeFields.created_at,
  consumer: foreign('consumers', { required: true, onDelete: 'cascade' }),
  username: string({ required: true, unique: true, description: 'The name that signatures are sent with; unique.' }),
  secret: string({
    auto: true,
    encrypted: true,
    description: 'The secret that signs requests; a random one when it is absent.',
  }),
  tags: tagsField,
} as const;

export type HmacauthCredential = InferFields<typeof hmacauthCredentialFields>;

export const hmacauthCredentialEntity: EntityDescriptor = {
  name: 'hmacauth_credential',
  plural: 'hmacauth_credentials',
  path: 'hmac-auths',
  nestedPath: 'hmac-auth',
  key: 'username',
  fields: hmacauthCredentialFields,
  checks: [],
};
