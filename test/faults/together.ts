export interface TogetherCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** A suite of tests that mostly wait and share nothing: they run at the same time, and each reports for itself. */
export function describeTogether(
  name: string,
  cases: readonly TogetherCase[],
  cleanUp: () => void = () => undefined,
): void {
  describe(name, () => {
    const results = new Map<TogetherCase, Promise<void>>();
    before(() => {
      for (const each of cases) results.set(each, each.run());
      // Each test waits for its own; none of them is unhandled meanwhile.
      for (const result of results.values()) result.catch(() => undefined);
    });
    after(cleanUp);
    for (const each of cases) it(each.name, () => results.get(each));
  });
}
