/** The names that a chunk uses: which are local where they stand, and which are global. */
export class LuaNames {
  /** How many declarations of a name are in scope. */
  readonly #declared = new Map<string, number>();
  readonly #blocks: string[][] = [];
  /** The line of each global name's first use. */
  readonly #used = new Map<string, number>();
  readonly #assigned = new Set<string>();

  /** Opens a block: names declared from here on are forgotten at `closeBlock`. */
  openBlock(): void {
    this.#blocks.push([]);
  }

  closeBlock(): void {
    for (const name of this.#blocks.pop() ?? []) this.#declared.set(name, (this.#declared.get(name) ?? 1) - 1);
  }

  /** Makes a name local to the innermost block. */
  declare(name: string): void {
    this.#blocks.at(-1)?.push(name);
    this.#declared.set(name, (this.#declared.get(name) ?? 0) + 1);
  }

  use(name: string, line: number): void {
    if (!this.#isLocal(name) && !this.#used.has(name)) this.#used.set(name, line);
  }

  assign(name: string): void {
    if (!this.#isLocal(name)) this.#assigned.add(name);
  }

  /**
   * Returns the line of the first use of a global that the chunk itself never assigns; undefined where there is none.
   * A chunk that names `_ENV` may have put other globals in place, and nothing is said about it.
   */
  undefinedGlobalLine(name: string): number | undefined {
    if (this.#assigned.has(name) || this.#used.has('_ENV') || this.#declared.has('_ENV')) return undefined;
    return this.#used.get(name);
  }

  #isLocal(name: string): boolean {
    return (this.#declared.get(name) ?? 0) > 0;
  }
}
