import { isRecord } from '../../../../shared/schema/is-record.ts';
import { SchemaUnusableError } from '../format.ts';

export type JsonSchemaObject = Readonly<Record<string, unknown>>;
export type JsonSchema = JsonSchemaObject | boolean;
export type Draft = 'draft-04' | 'draft-06' | 'draft-07' | '2019-09' | '2020-12';

/** A draft, and which of its keywords count. */
export interface Dialect {
  readonly draft: Draft;
  readonly keywords: ReadonlySet<string>;
}

/** Confluent's own serializers take this draft where `$schema` names none that they know. */
export const defaultDraft: Draft = 'draft-07';

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'boolean' || isRecord(value);
}

/** Returns true for the drafts in which nothing counts beside `$ref`. */
export function refStandsAlone(draft: Draft): boolean {
  return draft === 'draft-04' || draft === 'draft-06' || draft === 'draft-07';
}

export function idKeyword(draft: Draft): '$id' | 'id' {
  return draft === 'draft-04' ? 'id' : '$id';
}

const vocabularies2019: Readonly<Record<string, string>> = {
  core: '$id $schema $anchor $ref $recursiveRef $recursiveAnchor $vocabulary $comment $defs',
  applicator:
    'additionalItems unevaluatedItems items contains additionalProperties unevaluatedProperties properties ' +
    'patternProperties dependentSchemas propertyNames if then else allOf anyOf oneOf not',
  validation:
    'multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems ' +
    'uniqueItems maxContains minContains maxProperties minProperties required dependentRequired const enum type',
  'meta-data': 'title description default deprecated readOnly writeOnly examples',
  format: 'format',
  content: 'contentMediaType contentEncoding contentSchema',
};

const vocabularies2020: Readonly<Record<string, string>> = {
  ...vocabularies2019,
  core: '$id $schema $anchor $ref $dynamicRef $dynamicAnchor $vocabulary $comment $defs',
  applicator:
    'prefixItems items contains additionalProperties properties patternProperties dependentSchemas propertyNames ' +
    'if then else allOf anyOf oneOf not',
  unevaluated: 'unevaluatedItems unevaluatedProperties',
  'format-annotation': 'format',
  'format-assertion': 'format',
};

const draft4 =
  'id $schema $ref definitions title description default multipleOf maximum exclusiveMaximum minimum exclusiveMinimum ' +
  'maxLength minLength pattern additionalItems items maxItems minItems uniqueItems maxProperties minProperties required ' +
  'additionalProperties properties patternProperties dependencies enum type format allOf anyOf oneOf not';
const draft6 = `${draft4} $id const contains propertyNames examples`.replace('id ', '');
const draft7 = `${draft6} if then else $comment readOnly writeOnly contentMediaType contentEncoding`;
/** The later drafts keep the places of schemas that were renamed, and Ajv keeps `dependencies` itself. */
const renamed = 'definitions dependencies';

const dialects: Readonly<Record<Draft, Dialect>> = {
  'draft-04': dialect('draft-04', draft4),
  'draft-06': dialect('draft-06', draft6),
  'draft-07': dialect('draft-07', draft7),
  '2019-09': dialect('2019-09', renamed, ...Object.values(vocabularies2019)),
  '2020-12': dialect('2020-12', renamed, ...Object.values(vocabularies2020)),
};

function dialect(draft: Draft, ...keywords: readonly string[]): Dialect {
  return { draft, keywords: new Set(keywords.join(' ').split(' ')) };
}

export function dialectOf(draft: Draft): Dialect {
  return dialects[draft];
}

/** Other names for drafts: draft 5 changed nothing in draft 4, and OpenAPI 3.1 adds annotations to 2020-12. */
const draftNames: readonly [pattern: RegExp, draft: (match: RegExpExecArray) => Draft | undefined][] = [
  [/^json-schema\.org\/draft-0([3-7])\/(?:hyper-)?schema$/, ([, number]) => numbered[number ?? '']],
  [/^json-schema\.org\/draft\/(?:2019-09)\/(?:hyper-)?schema$/, () => '2019-09'],
  [/^json-schema\.org\/draft\/(?:2020-12)\/(?:hyper-)?schema$/, () => '2020-12'],
  [/^spec\.openapis\.org\/oas\/3\.1\/dialect\//, () => '2020-12'],
];
const numbered: Readonly<Record<string, Draft>> = {
  3: 'draft-04',
  4: 'draft-04',
  5: 'draft-04',
  6: 'draft-06',
  7: 'draft-07',
};

/** Returns the draft that a `$schema` names, in any of its spellings; undefined when it names none. */
export function draftNamed(uri: unknown): Draft | undefined {
  if (typeof uri !== 'string') return undefined;
  const name = uri.replace(/^https?:\/\//, '').replace(/#$/, '');
  for (const [pattern, draft] of draftNames) {
    const match = pattern.exec(name);
    if (match !== null) return draft(match);
  }
  return undefined;
}

const vocabularyUri = /^https:\/\/json-schema\.org\/draft\/(2019-09|2020-12)\/vocab\/([a-z-]+)$/;

/**
 * Returns the dialect of a meta-schema's `$vocabulary`; undefined when it has none.
 * @throws SchemaUnusableError when it requires a vocabulary that is not known
 */
export function dialectOfMetaSchema(metaSchema: JsonSchema): Dialect | undefined {
  const vocabulary: unknown = typeof metaSchema === 'object' ? metaSchema['$vocabulary'] : undefined;
  if (!isRecord(vocabulary)) return undefined;
  const keywords: string[] = [];
  let draft: Draft = '2020-12';
  for (const [uri, isRequired] of Object.entries(vocabulary)) {
    const [, version, name = ''] = vocabularyUri.exec(uri) ?? [];
    const known = version === '2019-09' ? vocabularies2019 : version === '2020-12' ? vocabularies2020 : {};
    const words = Object.hasOwn(known, name) ? known[name] : undefined;
    if (words !== undefined) {
      keywords.push(words);
      if (version === '2019-09') draft = version;
    } else if (isRequired === true) {
      throw new SchemaUnusableError(`the JSON Schema requires the vocabulary '${uri}', which is not known`);
    }
  }
  return dialect(draft, ...keywords);
}
