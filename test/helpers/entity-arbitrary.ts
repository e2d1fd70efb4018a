import * as fc from 'fast-check';
import { checkEntity, effectiveDescriptor } from '../../shared/entities/check-entity.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { checkScalar } from '../../shared/schema/check-scalar.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { Field, FieldFault, Fields } from '../../shared/schema/field.ts';

/** Texts of which at least one passes the check of every field of text. */
const texts = [
  'a',
  'Word-1',
  'x-header',
  'GET',
  'PROPFIND',
  '/',
  '/a/b',
  '/%C3%A9',
  '~/items/(?<id>\\d+)$',
  'a.example',
  '*.example.com',
  'example.*',
  '10.0.0.1:80',
  '192.0.2.0/24',
  'host:9092',
  'http://registry.example:8081',
  'https://login.example/token',
  '{vault://env/SECRET}',
  'events.${path.id}',
  'ünïcode',
];

export interface ArbitraryContext {
  readonly plugins: PluginSchemas;
  /** Ids that references and ids in texts may hold, by plural name. */
  readonly ids: Readonly<Record<string, readonly string[]>>;
  /** More texts, such as certificates and keys. */
  readonly texts: readonly string[];
}

/** Bodies of one kind of entity that pass all checks, derived from its descriptor alone. */
export function entityBodies(
  entity: EntityDescriptor,
  context: ArbitraryContext,
  base: Readonly<Record<string, unknown>> = {},
): fc.Arbitrary<Record<string, unknown>> {
  const { fields } = effectiveDescriptor(entity, context.plugins, base);
  return recordOf(fields, context)
    .map((body) => repaired(entity, context.plugins, { ...body, ...base }))
    .filter(passing(entity, context.plugins));
}

/** Bodies in a row that may be dropped: where more fail, none passes, and fast-check would search for ever. */
const dropsMax = 5_000;

/** Returns whether a body passes the checks of its entity. Throws when none seems to: a text for some field is missing. */
function passing(entity: EntityDescriptor, plugins: PluginSchemas): (body: Record<string, unknown>) => boolean {
  let drops = 0;
  return (body) => {
    const faults = faultsOf(entity, plugins, body);
    drops = faults.length === 0 ? 0 : drops + 1;
    if (drops > dropsMax) throw new Error(`no ${entity.name} passes: ${JSON.stringify({ body, faults })}`);
    return drops === 0;
  };
}

function recordOf(fields: Fields, context: ArbitraryContext): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.entries(fields)
    .filter(([, field]) => field.internal !== true && field.eq !== null)
    .map(([name, field]) => {
      const value = valueOf(field, context);
      const mustBeThere = field.required === true && field.default === undefined && field.type !== 'record';
      const absent: fc.Arbitrary<unknown> =
        field.required === true ? fc.constant(undefined) : fc.constantFrom(undefined, undefined, null);
      return [name, mustBeThere ? value : fc.oneof({ weight: 3, arbitrary: absent }, value)] as const;
    });
  return fc
    .record(Object.fromEntries(entries))
    .map((body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)));
}

function valueOf(field: Field, context: ArbitraryContext): fc.Arbitrary<unknown> {
  const { type, elements, values, keys, fields, reference, refersTo } = field;
  if (type === 'array' || type === 'set') {
    const inner = elements === undefined ? fc.jsonValue() : valueOf(elements, context);
    return fc.array(inner, { minLength: field.lenMin ?? 0, maxLength: Math.max(field.lenMin ?? 0, 3) });
  }
  if (type === 'map') {
    const key = keys === undefined ? fc.constantFrom(...texts) : valueOf(keys, context).map(String);
    const inner = values === undefined ? fc.jsonValue() : valueOf(values, context);
    return fc.dictionary(key, inner, { maxKeys: 2, noNullPrototype: true });
  }
  if (type === 'record') return recordOf(fields ?? {}, context);
  if (type === 'foreign') return oneOf((context.ids[reference ?? ''] ?? []).map((id) => ({ id })));
  if (type === 'boolean') return fc.boolean();
  if (type === 'any') return fc.jsonValue();
  if (refersTo !== undefined) return oneOf(context.ids[refersTo] ?? []);
  if (field.oneOf !== undefined) return fc.constantFrom(...field.oneOf);
  if (type === 'string') return textOf(field, context);
  const [min, max] = field.between ?? [0, 2 ** 40];
  const whole = fc.integer({ min: Math.max(min, (field.gt ?? min - 1) + 1), max: Math.min(max, 2 ** 31 - 1) });
  return type === 'integer' ? whole : fc.oneof(whole, fc.double({ min, max, noNaN: true }));
}

function textOf(field: Field, context: ArbitraryContext): fc.Arbitrary<unknown> {
  if (field.uuid === true) return fc.uuid();
  const good = [...texts, ...context.texts].filter((text) => checkScalar(field, text).kind === 'ok');
  return field.check === undefined ? fc.oneof(fc.string({ minLength: 1, maxLength: 8 }), oneOf(good)) : oneOf(good);
}

/** One of them; where there is none, what is left out. */
function oneOf<T>(list: readonly T[]): fc.Arbitrary<T | undefined> {
  return list.length === 0 ? fc.constant(undefined) : fc.constantFrom(...list);
}

function faultsOf(entity: EntityDescriptor, plugins: PluginSchemas, input: object): readonly FieldFault[] {
  const auto = { uuid: () => '22222222-2222-4222-8222-222222222222', token: () => 't', now: () => 1 };
  const checked = checkEntity({ entity, plugins, input, auto });
  return checked.kind === 'ok' ? [] : checked.faults;
}

/** Takes out, a few times, what the checks complain of, so that most bodies become good ones. */
function repaired(
  entity: EntityDescriptor,
  plugins: PluginSchemas,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const body = structuredClone(given);
  for (let round = 0; round < 8; round += 1) {
    const faults = faultsOf(entity, plugins, body);
    if (faults.length === 0) break;
    for (const { path, message } of faults) {
      const parts = path.filter((part) => part !== '@entity');
      remove(body, parts);
      // `values of these fields must be distinct: 'a', 'b'`, `failed … given value of field 'a'`
      for (const [, name = ''] of message.matchAll(/'([a-z_]+)'/g)) remove(body, [...parts, name]);
    }
  }
  return body;
}

function remove(body: Record<string, unknown>, path: readonly (string | number)[]): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  const inner = body[String(head)];
  if (rest.length > 0 && isRecord(inner)) remove(inner, rest);
  else delete body[String(head)];
}
