import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { openDatabase } from '../../control-plane/store/database.ts';
import { createEntityStore } from '../../control-plane/store/entity-store.ts';
import { entities } from '../../shared/entities/entities.ts';
import { silentLogger } from '../../shared/log.ts';
import { isLong } from '../helpers/kafka-clients.ts';
import { tempFolder, type TempFolder } from '../helpers/temp-folder.ts';

const rounds = isLong ? 200 : 20;
const writers = 4;
/** A round is over after up to this many answers, drawn anew each time, so that the kill falls anywhere. */
const answersMax = 40;

/** A consumer as the Admin API answered it; undefined: it is deleted. */
type Known = { readonly username: string; readonly tags: readonly string[] } | undefined;

/** The consumers that must be in the database, by id: as answered, or as sent when the process was killed. */
class Oracle {
  readonly answered = new Map<string, Known>();
  readonly underWay = new Map<string, Known>();
  answers = 0;

  /** Everything that is not as it may be. */
  faults(found: ReadonlyMap<string, Known>): string[] {
    const ids = new Set([...this.answered.keys(), ...this.underWay.keys(), ...found.keys()]);
    return [...ids].flatMap((id) => {
      const is = JSON.stringify(found.get(id));
      const allowed = [this.answered.get(id), ...(this.underWay.has(id) ? [this.underWay.get(id)] : [])];
      return allowed.some((one) => JSON.stringify(one) === is) ? [] : [`${id}: found ${is}`];
    });
  }

  /** Takes from the database whether the write that was under way happened. */
  settle(found: ReadonlyMap<string, Known>): void {
    for (const id of this.underWay.keys()) this.answered.set(id, found.get(id));
    this.underWay.clear();
  }
}

describe(`a control plane that is killed while it writes, ${rounds} times`, function () {
  this.timeout(rounds * 15_000);
  let folder: TempFolder;
  before(async () => {
    folder = await tempFolder();
  });
  after(() => folder.remove());

  it('loses no answered write, and leaves none incomplete', async () => {
    const path = join(folder.path, 'control-plane.db');
    const oracle = new Oracle();
    let revisionBefore = 0;
    for (let round = 0; round < rounds; round += 1) {
      const answersBefore = oracle.answers;
      await writeUntilKilled(path, oracle);
      const { found, tags, revision, integrity } = read(path);
      expect(integrity, `round ${round}`).to.equal('ok');
      expect(oracle.faults(found), `round ${round}`).to.deep.equal([]);
      const wanted = [...found].flatMap(([id, known]) => (known?.tags ?? []).map((tag) => `${id} ${tag}`));
      expect(tags.toSorted(), `tags in round ${round}`).to.deep.equal(wanted.toSorted());
      expect(revision - revisionBefore).to.be.within(
        oracle.answers - answersBefore,
        oracle.answers - answersBefore + oracle.underWay.size,
      );
      oracle.settle(found);
      revisionBefore = revision;
    }
    expect(oracle.answers).to.be.greaterThan(rounds);
  });
});

/** Writes to a fresh process over several connections and kills it in the midst of that. */
async function writeUntilKilled(path: string, oracle: Oracle): Promise<void> {
  const child = fork(fileURLToPath(new URL('durable-server.js', import.meta.url)), [path]);
  const exited = once(child, 'exit');
  const started = once(child, 'message');
  const early = exited.then(() => {
    throw new Error('the server ended before it was killed');
  });
  const [address] = await Promise.race([started, early]);
  early.catch(() => undefined);
  let left = 1 + Math.floor(Math.random() * answersMax);
  const onAnswer = (): void => {
    oracle.answers += 1;
    left -= 1;
    if (left === 0) child.kill('SIGKILL');
  };
  await Promise.all(Array.from({ length: writers }, () => writeOn(`http://${String(address)}`, oracle, onAnswer)));
  await exited;
}

/** One write after the other, until the server is gone. */
async function writeOn(base: string, oracle: Oracle, onAnswer: () => void): Promise<void> {
  const mine: string[] = [];
  for (let turn = 0; ; turn += 1) {
    const deleted = turn % 5 === 4 ? mine.shift() : undefined;
    const changed = turn % 5 === 3 ? mine[0] : undefined;
    const id = deleted ?? changed ?? randomUUID();
    const next: Known = deleted === undefined ? { username: randomUUID(), tags: [`t${turn}`, `u${turn}`] } : undefined;
    oracle.underWay.set(id, next);
    try {
      const response = await fetch(`${base}/consumers/${id}`, {
        method: deleted === undefined ? 'PUT' : 'DELETE',
        ...(next && { body: JSON.stringify(next), headers: { 'content-type': 'application/json' } }),
      });
      await response.arrayBuffer();
      expect(response.ok, `${response.status}`).to.equal(true);
    } catch (error) {
      if (error instanceof TypeError) return;
      throw error;
    }
    oracle.underWay.delete(id);
    oracle.answered.set(id, next);
    if (deleted === undefined && changed === undefined) mine.push(id);
    onAnswer();
  }
}

function read(path: string) {
  const database = openDatabase({ path });
  try {
    const integrity = database.pragma('integrity_check', { simple: true });
    const { revision, entities: all } = createEntityStore({ database, entities, logger: silentLogger() }).readAll();
    const found = new Map<string, Known>(
      (all['consumers'] ?? []).map(({ id, username, tags }) => [
        id,
        { username: String(username), tags: tags as readonly string[] },
      ]),
    );
    const tags = database
      .prepare<[], { id: string; tag: string }>("SELECT id, tag FROM entity_tags WHERE entity = 'consumers'")
      .all()
      .map(({ id, tag }) => `${id} ${tag}`);
    return { found, tags, revision, integrity };
  } finally {
    database.close();
  }
}
