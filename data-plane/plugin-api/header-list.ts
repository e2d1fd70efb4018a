/**
 * The headers of a request in the order received, as the flat list of names and values that node:http and node:http2
 * give. Look-ups scan: a request has some ten headers and reads two or three of them, which costs less than an index.
 */
export class HeaderList {
  readonly #flat: string[];

  constructor(flat: string[]) {
    this.#flat = flat;
  }

  /** The first value of a header; `name` in lower case. */
  get(name: string): string | undefined {
    const flat = this.#flat;
    for (let index = 0; index < flat.length; index += 2) {
      if (isNamed(flat[index], name)) return flat[index + 1];
    }
    return undefined;
  }

  /** Every value of a header in order; `name` in lower case. */
  all(name: string): string[] {
    const values: string[] = [];
    const flat = this.#flat;
    for (let index = 0; index < flat.length; index += 2) {
      const value = flat[index + 1];
      if (value !== undefined && isNamed(flat[index], name)) values.push(value);
    }
    return values;
  }

  /** Replaces all values of a header; the name may be in any case. */
  set(name: string, value: string): void {
    this.remove(name.toLowerCase());
    this.#flat.push(name, value);
  }

  /** Adds a value beside those that the name has. */
  append(name: string, value: string): void {
    this.#flat.push(name, value);
  }

  /** Returns names and values, as they were received, in one list. */
  flat(): readonly string[] {
    return this.#flat;
  }

  remove(name: string): void {
    const flat = this.#flat;
    for (let index = flat.length - 2; index >= 0; index -= 2) {
      if (isNamed(flat[index], name)) flat.splice(index, 2);
    }
  }

  /** Returns a list that can be changed without this one. */
  copy(): HeaderList {
    return new HeaderList(this.#flat.slice());
  }

  /** Removes the headers whose name, as received, passes the test; in one pass. */
  removeIf(test: (name: string) => boolean): void {
    const flat = this.#flat;
    let kept = 0;
    for (let index = 0; index < flat.length; index += 2) {
      const name = flat[index] ?? '';
      if (test(name)) continue;
      if (kept !== index) {
        flat[kept] = name;
        flat[kept + 1] = flat[index + 1] ?? '';
      }
      kept += 2;
    }
    if (kept < flat.length) flat.length = kept;
  }

  /** Names in lower case with their values, in order, repeats included. */
  *entries(): Generator<[name: string, value: string]> {
    const flat = this.#flat;
    for (let index = 0; index + 1 < flat.length; index += 2) {
      yield [(flat[index] ?? '').toLowerCase(), flat[index + 1] ?? ''];
    }
  }
}

function isNamed(name: string | undefined, lowerCaseName: string): boolean {
  return (
    name !== undefined &&
    name.length === lowerCaseName.length &&
    (name === lowerCaseName || name.toLowerCase() === lowerCaseName)
  );
}
