import * as fc from 'fast-check';

/** Draws a value of an arbitrary, as `fc.gen()` does. */
type Gen = fc.GeneratorValue;

/** Names and values that have confused readers of JSON before. */
const names = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'length',
    '',
    'a.b',
    '@type',
    'value',
    'null',
    'string',
    'int',
  ),
  fc.string({ maxLength: 8 }),
);
const scalars = fc.oneof(
  fc.constantFrom('NaN', '-Infinity', '9223372036854775808', '1e400', '\ud800', '\0', '2001-01-01', 'AAA=', '-0'),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
/** JSON of a few levels with such names and values. */
export const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalars,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(names, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

/** The value with another one at one of its places; or with one place gone, or one more. */
export function mutated(gen: Gen, value: unknown): unknown {
  const goesOn = typeof value === 'object' && value !== null && gen(fc.nat, 3) > 0;
  if (!goesOn) return gen(() => anyJson);
  const entries: [string, unknown][] = Object.entries(value);
  const index = gen(fc.nat, Math.max(entries.length - 1, 0));
  const how = gen(fc.nat, 5);
  if (how === 0) entries.splice(index, 1);
  else if (how === 1) entries.splice(index, 0, [gen(() => names), gen(() => anyJson)]);
  else if (entries[index] !== undefined) entries[index] = [entries[index][0], mutated(gen, entries[index][1])];
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}
