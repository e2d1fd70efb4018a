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

  /** Replaces all values of a header. */
  set(name: string, value: string): void {
    this.remove(name);
    this.#flat.push(name, value);
  }

  remove(name: string): void {
    const flat = this.#flat;
    for (let index = flat.length - 2; index >= 0; index -= 2) {
      if (isNamed(flat[index], name)) flat.splice(index, 2);
    }
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
