import { withinTime } from '../../shared/within-time.ts';
import type { TryAnswer } from '../admin/clustering.ts';
import type { NodeEntry } from './node-entry.ts';
import type { Session } from './node-session-types.ts';

/** Sample requests that a node may run at once. */
const triesMax = 2;
/** Time limit: a node ends a trial after 5 s by itself. */
const tryMs = 6_000;

/** Lets nodes run sample requests, a few at a time each. */
export class NodeTries {
  readonly #running = new Map<Session, number>();

  async run(entry: NodeEntry | undefined, json: Buffer): Promise<TryAnswer> {
    if (entry === undefined) return { kind: 'unknown' };
    const { session } = entry;
    if (session === undefined) return { kind: 'offline' };
    if (!entry.tries) return { kind: 'too_old' };
    const running = this.#running.get(session) ?? 0;
    if (running >= triesMax) return { kind: 'busy', max: triesMax };
    this.#running.set(session, running + 1);
    try {
      const result = await withinTime(session.tryRequest(json), tryMs, () => 'late' as const);
      if (result === 'late') return { kind: 'late' };
      return result === undefined ? { kind: 'offline' } : { kind: 'answered', ...result };
    } finally {
      const left = (this.#running.get(session) ?? 1) - 1;
      if (left > 0) this.#running.set(session, left);
      else this.#running.delete(session);
    }
  }
}
