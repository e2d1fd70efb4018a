import type { Apply } from '../../shared/config-source.ts';
import type { NodeSource } from '../source/node-source.ts';
import type { Answer } from './messages.ts';
import type { Snapshot } from '../../shared/snapshot.ts';

/** The source of a worker: its parent sends each configuration in two steps. */
export interface ParentSource extends NodeSource {
  /** Builds the snapshot; `answer` tells that it is ready for the swap, or, when no swap is needed, the result. */
  build(snapshot: Snapshot, dryRun: boolean, answer: (answer: Answer) => void): Promise<void>;
  /** Ends the build under way; `answer` tells the result. */
  swap(goesOn: boolean, answer: (answer: Answer) => void): void;
}

/** Makes the source of a worker of the node. */
export function createParentSource(nodeId: string): ParentSource {
  let apply: Apply | undefined;
  let decide: ((goesOn: boolean) => void) | undefined;
  let answerTo: ((answer: Answer) => void) | undefined;
  return {
    nodeId,
    async start(given) {
      apply = given;
    },
    async stop() {
      decide?.(false);
    },
    describe: () => ({}),
    async build(snapshot, dryRun, answer) {
      if (apply === undefined) throw new Error('The source has not been started');
      answerTo = answer;
      const confirm = () =>
        new Promise<boolean>((resolve) => {
          decide = resolve;
          answer({ kind: 'built' });
        });
      const result = await apply(snapshot, dryRun ? { dryRun } : { confirm });
      decide = undefined;
      answerTo({ kind: 'applied', result });
    },
    swap(goesOn, answer) {
      if (decide === undefined)
        return answer({ kind: 'failed', error: { message: 'no configuration is being built' } });
      answerTo = answer;
      decide(goesOn);
    },
  };
}
