import { faultTextMax } from '../fault-text.ts';
import { Faults, faultsMax, pointerTo, SchemaUnusableError, type Fault } from '../format.ts';
import type { Resource } from './schema-resources.ts';

/** Where a value stands: its key in the value around it; null for the whole value. */
export interface Place {
  readonly outer: Place | null;
  readonly key: string | number;
}

/** A fault of one value, without its place. */
export type Misfit = Omit<Fault, 'pointer'>;

interface FoundFault extends Misfit {
  readonly place: Place | null;
}

/** Faults that are counted; behind the last one the value is judged no further. */
const countedFaultsMax = 10_000;
/** Schemas that may judge one value within each other: more of them refer to each other without end. */
const inPlaceMax = 200;

/** The members and items of one value that a schema has judged, for `unevaluatedProperties` and `unevaluatedItems`. */
export class Seen {
  #properties: Set<string> | undefined;
  #items: Set<number> | undefined;
  #itemsBelow = 0;

  addProperty(name: string): void {
    (this.#properties ??= new Set()).add(name);
  }

  addItem(index: number): void {
    (this.#items ??= new Set()).add(index);
  }

  /** Adds all items before this one. */
  addItemsBelow(index: number): void {
    if (index > this.#itemsBelow) this.#itemsBelow = index;
  }

  addAll(other: Seen): void {
    for (const name of other.#properties ?? []) this.addProperty(name);
    for (const index of other.#items ?? []) this.addItem(index);
    this.addItemsBelow(other.#itemsBelow);
  }

  hasProperty(name: string): boolean {
    return this.#properties?.has(name) === true;
  }

  hasItem(index: number): boolean {
    return index < this.#itemsBelow || this.#items?.has(index) === true;
  }
}

/** One keyword of a schema, compiled. Returns false for a value that does not fit, and tells its faults. */
export type Check = (value: unknown, place: Place | null, evaluation: Evaluation, seen: Seen) => boolean;

/** A compiled schema object. */
export interface SchemaNode {
  readonly resource: Resource;
  readonly checks: Check[];
  /** It looks at what its subschemas have seen, and must not see what its neighbours have. */
  hasUnevaluated: boolean;
}

/** A result that holds wherever the same schema meets the same value again. */
interface Remembered {
  readonly isValid: boolean;
  readonly seen: Seen;
}

/** The resources that were entered on the way to a schema. Equal ways have the same object, and with it its results. */
class Scope {
  readonly #resources: readonly Resource[];
  readonly #inner = new Map<Resource, Scope>();
  readonly #results = new Map<SchemaNode, Map<object, Remembered>>();

  constructor(resources: readonly Resource[]) {
    this.#resources = resources;
  }

  /** Returns the scope within a resource. Entering one again changes nothing: the outermost counts. */
  within(resource: Resource): Scope {
    if (this.#resources.includes(resource)) return this;
    let inner = this.#inner.get(resource);
    if (inner === undefined) this.#inner.set(resource, (inner = new Scope([...this.#resources, resource])));
    return inner;
  }

  outermost<T>(find: (resource: Resource) => T | undefined): T | undefined {
    for (const resource of this.#resources) {
      const found = find(resource);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  recall(node: SchemaNode, value: object): Remembered | undefined {
    return this.#results.get(node)?.get(value);
  }

  remember(node: SchemaNode, value: object, result: Remembered): void {
    let results = this.#results.get(node);
    if (results === undefined) this.#results.set(node, (results = new Map()));
    results.set(value, result);
  }
}

/** Judges one value, in a time that grows with the value even where schemas refer to themselves from several branches. */
export class Evaluation {
  readonly #found: FoundFault[] = [];
  readonly #remembers: boolean;
  #count = 0;
  #silences = 0;
  #inPlace = 0;
  #scope = new Scope([]);

  /** `remembers`: keeps results, for schemas that may meet the same value often. */
  constructor({ remembers }: { readonly remembers: boolean }) {
    this.#remembers = remembers;
  }

  /** Returns what was found: the first faults, and how many there are; no more than 10,000 are counted. */
  faults(): Faults {
    const faults = new Faults();
    for (const { place, ...misfit } of this.#found) {
      if (faults.isFull) break;
      faults.add({ pointer: pointerOf(place), ...misfit });
    }
    faults.addUnlisted(this.#count - faults.total);
    return faults;
  }

  /** True when nobody needs to hear of further faults. */
  get isSilent(): boolean {
    return this.#silences > 0 || this.#count >= countedFaultsMax;
  }

  /** Tells a fault. @returns false */
  fault(place: Place | null, misfit: Misfit): false {
    if (this.isSilent) return false;
    this.#count++;
    if (this.#found.length < faultsMax) this.#found.push({ place, ...misfit });
    return false;
  }

  /** Runs work whose faults are none of the value's. */
  silently<T>(work: () => T): T {
    this.#silences++;
    try {
      return work();
    } finally {
      this.#silences--;
    }
  }

  /** Marks the faults so far; calling the result forgets those that came after. */
  mark(): () => void {
    const count = this.#count;
    const { length } = this.#found;
    return () => {
      this.#count = count;
      this.#found.length = length;
    };
  }

  /** Judges a member or an item of the value. */
  child(node: SchemaNode, value: unknown, outer: Place | null, key: string | number): boolean {
    const inPlace = this.#inPlace;
    this.#inPlace = 0;
    const isValid = this.judge(node, value, { outer, key }, new Seen());
    this.#inPlace = inPlace;
    return isValid;
  }

  /**
   * Judges the value by one more schema; `seen` learns what it has judged.
   * @throws SchemaUnusableError when schemas refer to each other without end
   */
  judge(node: SchemaNode, value: unknown, place: Place | null, seen: Seen): boolean {
    const outer = this.#scope;
    this.#scope = outer.within(node.resource);
    const isValid =
      this.#remembers && typeof value === 'object' && value !== null
        ? this.#judgeOnce(node, value, place, seen)
        : this.#check(node, value, place, seen);
    this.#scope = outer;
    return isValid;
  }

  /** Returns what `find` says of the outermost entered resource for which it has an answer. */
  outermost<T>(find: (resource: Resource) => T | undefined): T | undefined {
    return this.#scope.outermost(find);
  }

  /** A value that did not fit is judged again where its faults are wanted. */
  #judgeOnce(node: SchemaNode, value: object, place: Place | null, seen: Seen): boolean {
    const scope = this.#scope;
    const known = scope.recall(node, value);
    const isKnown = known !== undefined && (known.isValid || this.isSilent);
    const own = isKnown ? known.seen : new Seen();
    const isValid = isKnown ? known.isValid : this.#check(node, value, place, own);
    if (!isKnown) scope.remember(node, value, { isValid, seen: own });
    seen.addAll(own);
    return isValid;
  }

  #check({ checks, hasUnevaluated }: SchemaNode, value: unknown, place: Place | null, seen: Seen): boolean {
    if (this.#inPlace >= inPlaceMax) {
      throw new SchemaUnusableError(`more than ${inPlaceMax} schemas judge one value within each other`);
    }
    this.#inPlace++;
    const own = hasUnevaluated ? new Seen() : seen;
    let isValid = true;
    for (const check of checks) {
      if (check(value, place, this, own)) continue;
      isValid = false;
      if (this.isSilent) break;
    }
    if (own !== seen) seen.addAll(own);
    this.#inPlace--;
    return isValid;
  }
}

/** Writes a place as a JSON Pointer (RFC 6901), no further than an answer shows it. */
function pointerOf(place: Place | null): string {
  const keys: (string | number)[] = [];
  for (let at = place; at !== null; at = at.outer) keys.push(at.key);
  let pointer = '';
  for (let key = keys.pop(); key !== undefined && pointer.length <= faultTextMax; key = keys.pop()) {
    pointer = pointerTo(pointer, typeof key === 'number' ? key : key.slice(0, faultTextMax));
  }
  return pointer;
}
