import { randomBytes } from 'node:crypto';
import type { Database } from './database.ts';

/** The counter of committed changes of the configuration. */
export interface ConfigRevision {
  current(): number;
  /** Returns the revision with a tag that tells it from the same one of another history, as after a restored backup. */
  version(): string;
  /** Begins the next revision; within the transaction of its changes. */
  advance(): void;
}

/** Prepares the counter, which the database's first migration made. */
export function configRevision(database: Database): ConfigRevision {
  const readRevision = database.prepare<[], { value: number }>("SELECT value FROM meta WHERE name = 'revision'");
  const readTag = database.prepare<[], { value: string }>("SELECT value FROM meta WHERE name = 'revision_tag'");
  const bump = database.prepare<[]>("UPDATE meta SET value = value + 1 WHERE name = 'revision'");
  const newTag = database.prepare<[string]>("INSERT OR REPLACE INTO meta (name, value) VALUES ('revision_tag', ?)");
  const current = () => readRevision.get()?.value ?? 0;
  return {
    current,
    version: () => `${current()}-${readTag.get()?.value ?? 'new'}`,
    advance() {
      bump.run();
      newTag.run(randomBytes(8).toString('hex'));
    },
  };
}
