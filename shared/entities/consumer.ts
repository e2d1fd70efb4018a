import { atLeastOneOf } from '../schema/checks.ts';
import { string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';

export const consumerFields = {
  id: idField,
  ...timeFields,
  username: string({ unique: true, description: 'A unique name.' }),
  custom_id: string({ unique: true, description: 'The identifier that another system has for the consumer.' }),
  tags: tagsField,
} as const;

export type Consumer = InferFields<typeof consumerFields>;

export const consumerEntity: EntityDescriptor = {
  name: 'consumer',
  plural: 'consumers',
  key: 'username',
  fields: consumerFields,
  checks: [atLeastOneOf(['custom_id', 'username'])],
  filters: ['custom_id'],
};
