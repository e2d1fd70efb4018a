export interface TogetherCase {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** Touches what the others use as well: it waits until they are done. */
  readonly isAlone?: boolean;
}

/** A suite of tests that mostly wait: they run at the same time, and each reports for itself. */
export function describeTogether(name: string, cases: readonly TogetherCase[]): void {
  describe(name, () => {
    const results = new Map<TogetherCase, Promise<void>>();
    before(() => {
      const shared = cases.filter(({ isAlone }) => isAlone !== true);
      for (const each of shared) results.set(each, each.run());
      let turn: Promise<unknown> = Promise.allSettled(results.values());
      for (const each of cases) {
        if (each.isAlone !== true) continue;
        const result = turn.then(each.run);
        results.set(each, result);
        turn = result.catch(() => undefined);
      }
      // Each test waits for its own; none of them is unhandled meanwhile.
      for (const result of results.values()) result.catch(() => undefined);
    });
    for (const each of cases) it(each.name, () => results.get(each));
  });
}
