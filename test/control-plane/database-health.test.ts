import { expect } from 'chai';
import { databaseProblems } from '../../control-plane/database-health.ts';

describe('databaseProblems', () => {
  const healthy = { path: ':memory:', read: () => 1, writeFault: () => undefined };

  it('is empty for a database that works, on disk or in memory', () => {
    expect(databaseProblems(healthy)).to.deep.equal([]);
    expect(databaseProblems({ ...healthy, path: '/nowhere/at/all.db' }), 'the reads tell').to.deep.equal([]);
  });

  it('names a read that fails and a write that failed', () => {
    const read = (): never => {
      throw new Error('disk I/O error');
    };
    expect(databaseProblems({ ...healthy, read, writeFault: () => 'database or disk is full' })).to.deep.equal([
      'the database cannot be read: disk I/O error',
      'the database cannot be written: database or disk is full',
    ]);
  });
});
