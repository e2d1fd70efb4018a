import { foreign, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkServerName } from './host.ts';

export const sniFields = {
  id: idField,
  ...timeFields,
  name: string({
    required: true,
    unique: true,
    check: checkServerName,
    description: 'A server name; its first or its last label may be *.',
  }),
  certificate: foreign('certificates', { required: true, onDelete: 'cascade' }),
  tags: tagsField,
} as const;

export type Sni = InferFields<typeof sniFields>;

export const sniEntity: EntityDescriptor = {
  name: 'sni',
  plural: 'snis',
  key: 'name',
  fields: sniFields,
  checks: [],
};
