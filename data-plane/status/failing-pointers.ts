import type { ErrorDetail } from '../../shared/errors.ts';

/** Pointers that are counted of one route. The schemas bound them; this bound holds whatever they say. */
const pointersMax = 100;
/** Pointers of one answer that are counted. */
const pointersOfAnswerMax = 20;
/** Bound of a counted pointer, in characters. */
const pointerCharsMax = 120;
/** Rules whose pointer ends in a name that the schema does not declare: the client made it up. */
const undeclaredRules: ReadonlySet<string> = new Set([
  'undeclared',
  'additionalProperties',
  'unevaluatedProperties',
  'propertyNames',
]);
/** A key that a schema may declare. Others, such as numbers and ids, are positions or keys of maps. */
const declaredName = /^[A-Za-z_$@][A-Za-z0-9_$@.-]{0,63}$/;

/** Counts the places in bodies that fail, so that an operator sees which field a route's clients get wrong. */
export class FailingPointers {
  readonly #counts = new Map<string, number>();

  /** Counts the faults of one answer. */
  note(details: readonly ErrorDetail[]): void {
    for (const { pointer, rule } of details.slice(0, pointersOfAnswerMax)) {
      if (pointer === undefined) continue;
      const place = generalPointer(pointer, rule);
      const count = this.#counts.get(place);
      if (count === undefined && this.#counts.size >= pointersMax) continue;
      this.#counts.set(place, (count ?? 0) + 1);
    }
  }

  /** Returns the pointers with the highest counts. */
  most(size: number): { readonly name: string; readonly count: number }[] {
    return [...this.#counts]
      .map(([name, count]) => ({ name, count }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1))
      .slice(0, size);
  }
}

/** Returns a pointer with `*` for indexes and for names that come from the client, so that it tells no data. */
export function generalPointer(pointer: string, rule?: string): string {
  const parts = pointer.split('/').slice(1);
  const last = parts.length - 1;
  const isUndeclared = rule !== undefined && undeclaredRules.has(rule);
  const general = parts.map((part, index) =>
    (index === last && isUndeclared) || !declaredName.test(part) ? '*' : part,
  );
  return `/${general.join('/')}`.slice(0, pointerCharsMax);
}
