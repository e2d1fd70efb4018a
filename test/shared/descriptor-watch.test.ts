import { expect } from 'chai';
import { watchDescriptors } from '../../shared/descriptor-watch.ts';
import { createLogger } from '../../shared/log.ts';
import { waitFor } from '../helpers/wait-for.ts';

const exhausted = (): number => {
  throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
};

describe('the watch over file descriptors', () => {
  const rows: readonly { readonly title: string; readonly open: () => number; readonly isTold: boolean }[] = [
    { title: 'is silent while there are enough', open: () => 89, isTold: false },
    { title: 'tells once when nine of ten are open', open: () => 90, isTold: true },
    { title: 'tells when not one is left to look', open: exhausted, isTold: true },
  ];
  for (const { title, open, isTold } of rows) {
    it(title, async () => {
      const lines: string[] = [];
      const logger = createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) });
      let looks = 0;
      const counted = () => {
        looks += 1;
        return open();
      };
      const end = watchDescriptors({ logger, open: counted, max: 100, everyMs: 1 });
      await waitFor(() => looks > 3, { what: 'several looks', pollMs: 1 });
      end();
      expect(lines).to.have.length(isTold ? 1 : 0);
      if (isTold) expect(lines[0]).to.contain('descriptors_exhausted').and.contain('"max":100');
    });
  }
});
