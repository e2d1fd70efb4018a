import { isRecord } from '../../../../shared/schema/is-record.ts';
import { noSuchProperty, one, type Applicator, type ApplicatorContext } from './applicators.ts';
import type { JsonSchemaObject } from './dialect.ts';
import type { Check } from './evaluation.ts';

/** Keywords for what no other keyword of the schema has seen; they are judged after all others. */
export const unevaluatedApplicators: readonly (readonly [keyword: string, applicator: Applicator])[] = [
  ['unevaluatedItems', unevaluatedItems],
  ['unevaluatedProperties', unevaluatedProperties],
];

function unevaluatedItems(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const node = one('unevaluatedItems', value, context, 'part');
  const misfit = { rule: 'unevaluatedItems', expected: 'no such item', message: 'must not be there' };
  return (array, place, evaluation, seen) => {
    if (!Array.isArray(array)) return true;
    let isValid = true;
    for (const [index, item] of array.entries()) {
      if (seen.hasItem(index)) continue;
      if (value === false) isValid = evaluation.fault({ outer: place, key: index }, misfit);
      else if (!evaluation.child(node, item, place, index)) isValid = false;
    }
    seen.addItemsBelow(array.length);
    return isValid;
  };
}

function unevaluatedProperties(value: unknown, _schema: JsonSchemaObject, context: ApplicatorContext): Check {
  const node = one('unevaluatedProperties', value, context, 'part');
  return (object, place, evaluation, seen) => {
    if (!isRecord(object)) return true;
    let isValid = true;
    for (const name of Object.keys(object)) {
      if (seen.hasProperty(name)) continue;
      if (value === false) {
        isValid = evaluation.fault({ outer: place, key: name }, { rule: 'unevaluatedProperties', ...noSuchProperty });
      } else if (!evaluation.child(node, object[name], place, name)) isValid = false;
      seen.addProperty(name);
    }
    return isValid;
  };
}
