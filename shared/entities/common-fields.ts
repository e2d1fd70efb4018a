import { element, integer, set, string } from '../schema/field.ts';

/** `id`, first in every entity. */
export const idField = string({ uuid: true, auto: true, description: 'The identifier, a UUID.' });

/** Whole seconds since 1970. */
export const timeFields = {
  created_at: integer({ auto: true, description: 'When the entity was made, in seconds since 1970.' }),
  updated_at: integer({ auto: true, description: 'When the entity was last changed, in seconds since 1970.' }),
} as const;

export const tagsField = set(string({ ...element, check: checkTag }), {
  description: 'Words to group and filter entities by.',
});

/** A unique name: letters, digits, `.-_~`, and anything beyond ASCII. */
export function nameField(description: string) {
  return string({ unique: true, check: checkName, description });
}

const tagPattern = /^(?:[!-.0-~ ]|[^\0-\x7f])+$/u;

function checkTag(tag: string): string | undefined {
  // Control characters and the two characters that filters are written with are refused.
  if (tagPattern.test(tag) && !tag.includes(',') && !/[\u0080-\u009f]/u.test(tag)) return undefined;
  return `invalid tag '${tag}': expected printable ascii (except \`,\` and \`/\`) or valid utf-8 sequences`;
}

const namePattern = /^(?:[A-Za-z0-9.\-_~]|[^\0-\x7f])+$/u;

export function checkName(name: string): string | undefined {
  if (namePattern.test(name)) return undefined;
  return `invalid value '${name}': the only accepted ascii characters are alphanumerics or ., -, _, and ~`;
}
