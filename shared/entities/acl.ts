import { foreign, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';

export const aclFields = {
  id: idField,
  created_at: timeFields.created_at,
  consumer: foreign('consumers', { required: true, onDelete: 'cascade' }),
  group: string({ required: true, description: 'A group of the consumer; once for each consumer.' }),
  tags: tagsField,
} as const;

export type Acl = InferFields<typeof aclFields>;

/** A group that a consumer is in. */
export const aclEntity: EntityDescriptor = {
  name: 'acl',
  plural: 'acls',
  key: 'group',
  keyWithin: 'consumer',
  fields: aclFields,
  checks: [],
  uniqueTogether: [['group', 'consumer']],
};
