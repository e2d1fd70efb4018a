import { createRequire } from 'node:module';
import { expect } from 'chai';
import { Sqlite } from '../../../control-plane/store/sqlite.ts';

const require = createRequire(import.meta.url);

describe('the driver of SQLite', () => {
  it('is the version that this Node.js can run', () => {
    const isModern = Number(process.versions.node.split('.')[0]) >= 22;
    const name = isModern ? 'better-sqlite3-node22' : 'better-sqlite3';
    const { version } = require(`${name}/package.json`) as { version: string };
    expect(version).to.match(isModern ? /^1[3-9]\./ : /^12\./);
    expect(Sqlite).to.equal(require(name));
  });

  it('opens a database', () => {
    const database = new Sqlite(':memory:');
    expect(database.prepare('SELECT 1 + 1 AS two').get()).to.deep.equal({ two: 2 });
    database.close();
    expect(() => database.prepare('SELECT 1')).to.throw(TypeError);
  });
});
