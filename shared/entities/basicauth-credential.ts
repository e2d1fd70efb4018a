import { foreign, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkPassword } from './password-hash.ts';

export const basicauthCredentialFields = {
  id: idField,
  created_at: timeFields.created_at,
  consumer: foreign('consumers', { required: true, onDelete: 'cascade' }),
  username: string({ required: true, unique: true, description: 'The name of the login; unique.' }),
  password: string({
    required: true,
    encrypted: true,
    writeCheck: checkPassword,
    description: 'The password. It is stored and answered as its hash ($scrypt$…), which can be written too.',
  }),
  tags: tagsField,
} as const;

export type BasicauthCredential = InferFields<typeof basicauthCredentialFields>;

export const basicauthCredentialEntity: EntityDescriptor = {
  name: 'basicauth_credential',
  plural: 'basicauth_credentials',
  path: 'basic-auths',
  nestedPath: 'basic-auth',
  key: 'username',
  fields: basicauthCredentialFields,
  password: 'password',
  checks: [],
};
