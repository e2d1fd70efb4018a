import { requiredWhen } from '../schema/checks.ts';
import { foreign, string, type FieldFault, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkPublicKey } from './pem.ts';

const secretAlgorithms = ['HS256', 'HS384', 'HS512'] as const;
const keyAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
] as const;

export const jwtSecretFields = {
  id: idField,
  created_at: timeFields.created_at,
  consumer: foreign('consumers', { required: true, onDelete: 'cascade' }),
  key: string({ unique: true, auto: true, description: 'What the claim that names the issuer holds.' }),
  secret: string({ auto: true, encrypted: true, description: 'The secret of HS algorithms.' }),
  rsa_public_key: string({ description: 'The public key of the other algorithms, in PEM.' }),
  algorithm: string({ default: 'HS256', oneOf: [...secretAlgorithms, ...keyAlgorithms] }),
  tags: tagsField,
} as const;

export type JwtSecret = InferFields<typeof jwtSecretFields>;

export const jwtSecretEntity: EntityDescriptor = {
  name: 'jwt_secret',
  plural: 'jwt_secrets',
  path: 'jwts',
  nestedPath: 'jwt',
  key: 'key',
  fields: jwtSecretFields,
  checks: [requiredWhen({ field: 'rsa_public_key', ifField: 'algorithm', oneOf: keyAlgorithms }), checkKey],
};

/** HS algorithms do not use the field, so that it may hold anything there, as in Kong. */
function checkKey({ algorithm, rsa_public_key: key }: Readonly<Record<string, unknown>>): FieldFault[] {
  const isUsed = typeof algorithm === 'string' && !secretAlgorithms.some((one) => one === algorithm);
  const message = isUsed && typeof key === 'string' ? checkPublicKey(key) : undefined;
  return message === undefined ? [] : [{ path: ['rsa_public_key'], message }];
}
