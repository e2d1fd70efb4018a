import { expect } from 'chai';
import {
  createSubjectSchema,
  failureKeptMs,
  failureRecentMs,
  type CacheCounts,
  type SubjectSchema,
} from '../../../data-plane/schemas/subject-schema.ts';
import { RequestError } from '../../../shared/errors.ts';
import { createLogger } from '../../../shared/log.ts';

const ttlMs = 10_000;

/** A subject whose registry and clock the test moves. */
class Subject {
  nowMs = 0;
  fetches = 0;
  answer: () => Promise<string> = () => Promise.resolve('v1');
  readonly counts: CacheCounts = { hits: 0, misses: 0, stale: 0 };
  readonly lines: string[] = [];
  readonly schema: SubjectSchema<string>;

  constructor(ttl = ttlMs) {
    this.schema = createSubjectSchema<string>({
      label: 's',
      ttlMs: ttl,
      fetch: () => {
        this.fetches++;
        return this.answer();
      },
      counts: this.counts,
      logger: createLogger({ level: 'info', format: 'json', write: (line) => void this.lines.push(line) }),
      now: () => this.nowMs,
    });
  }

  /** What a request gets: at once where it can, else after the registry's answer. */
  async get(): Promise<string> {
    try {
      return this.schema.current() ?? (await this.schema.load(this.nowMs + 1_000));
    } catch (error) {
      if (error instanceof RequestError) return error.code;
      throw error;
    }
  }

  fail(code: 'SCHEMA_REGISTRY_UNAVAILABLE' | 'SCHEMA_NOT_FOUND'): void {
    this.answer = () => Promise.reject(new RequestError(code, 'It fails.'));
  }

  /** Lets what goes on in the background come to its end. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a subject's schema", () => {
  it('is kept for its ttl, and asked for again shortly before in the background', async () => {
    const subject = new Subject();
    expect(await subject.get()).to.equal('v1');
    subject.answer = () => Promise.resolve('v2');
    subject.nowMs = ttlMs * 0.8 - 1;
    expect(await subject.get()).to.equal('v1');
    await subject.settle();
    expect(subject.fetches).to.equal(1);
    subject.nowMs += 1;
    expect(subject.schema.current()).to.equal('v1');
    await subject.settle();
    expect(subject.schema.current()).to.equal('v2');
    expect(subject.fetches).to.equal(2);
  });

  it('is waited for once its ttl has passed', async () => {
    const subject = new Subject();
    await subject.get();
    subject.answer = () => Promise.resolve('v2');
    subject.nowMs = ttlMs;
    expect(subject.schema.current()).to.equal(undefined);
    expect(await subject.get()).to.equal('v2');
    expect(subject.counts).to.deep.equal({ hits: 0, misses: 2, stale: 0 });
  });

  it('of a numbered version is never asked for again', async () => {
    const subject = new Subject(Number.POSITIVE_INFINITY);
    await subject.get();
    subject.nowMs = Number.MAX_SAFE_INTEGER;
    expect(await subject.get()).to.equal('v1');
    await subject.settle();
    expect(subject.fetches).to.equal(1);
  });

  it('with a ttl of 0 is asked for by every request', async () => {
    const subject = new Subject(0);
    await subject.get();
    await subject.get();
    expect(subject.fetches).to.equal(2);
  });

  it('is used after its expiry while the registry is unavailable, counted, logged, and without waiting', async () => {
    const subject = new Subject();
    await subject.get();
    subject.fail('SCHEMA_REGISTRY_UNAVAILABLE');
    subject.nowMs = ttlMs;
    expect(await subject.get()).to.equal('v1');
    expect(subject.counts.stale).to.equal(1);
    expect(subject.lines.join('')).to.include('"using_expired":true');
    // Known to fail: not asked until the failure is forgotten, and then only in the background.
    subject.nowMs += failureKeptMs - 1;
    expect(subject.schema.current()).to.equal('v1');
    expect(subject.fetches).to.equal(2);
    subject.nowMs += 1;
    subject.answer = () => Promise.resolve('v2');
    expect(subject.schema.current()).to.equal('v1');
    expect(subject.counts.stale).to.equal(3);
    await subject.settle();
    expect(subject.schema.current()).to.equal('v2');
  });

  it('is waited for when the registry failed long ago, by all who come meanwhile', async () => {
    const subject = new Subject();
    await subject.get();
    subject.fail('SCHEMA_REGISTRY_UNAVAILABLE');
    subject.nowMs = ttlMs;
    await subject.get();
    subject.nowMs += failureRecentMs;
    subject.answer = () => Promise.resolve('v2');
    expect(await Promise.all([subject.get(), subject.get()])).to.deep.equal(['v2', 'v2']);
    expect([subject.fetches, subject.counts.stale]).to.deep.equal([3, 1]);
  });

  it('is used after its expiry when the registry failed long ago and fails again', async () => {
    const subject = new Subject();
    await subject.get();
    subject.fail('SCHEMA_REGISTRY_UNAVAILABLE');
    for (const fetches of [2, 3]) {
      subject.nowMs += failureRecentMs + ttlMs;
      expect(await Promise.all([subject.get(), subject.get()])).to.deep.equal(['v1', 'v1']);
      expect(subject.schema.current()).to.equal('v1');
      expect(subject.fetches).to.equal(fetches);
    }
  });

  it('makes no request wait while the registry does not answer in the background', async () => {
    const subject = new Subject();
    await subject.get();
    subject.fail('SCHEMA_REGISTRY_UNAVAILABLE');
    subject.nowMs = ttlMs;
    await subject.get();
    for (let rounds = 0; rounds < 10; rounds++) {
      let giveUp = (): void => undefined;
      subject.answer = () =>
        new Promise((_resolve, reject) => {
          giveUp = () => reject(new RequestError('SCHEMA_REGISTRY_UNAVAILABLE', 'It hangs.'));
        });
      // It is asked at the last moment before its failure is old, and gives no answer for longer.
      subject.nowMs += failureRecentMs - 1;
      expect(subject.schema.current()).to.equal('v1');
      subject.nowMs += failureRecentMs;
      expect(subject.schema.current()).to.equal('v1');
      expect(subject.fetches).to.equal(3 + rounds);
      giveUp();
      await subject.settle();
      expect(subject.schema.current()).to.equal('v1');
    }
    expect(subject.counts.misses).to.equal(2);
  });

  it('is asked for again, while it is fresh, after a failure in the background', async () => {
    const subject = new Subject(ttlMs * 10);
    await subject.get();
    subject.fail('SCHEMA_REGISTRY_UNAVAILABLE');
    subject.nowMs = ttlMs * 8;
    subject.schema.current();
    await subject.settle();
    subject.answer = () => Promise.resolve('v2');
    for (const [afterMs, fetches] of [
      [failureKeptMs - 1, 2],
      [1, 3],
    ] as const) {
      subject.nowMs += afterMs;
      expect(subject.schema.current()).to.equal('v1');
      expect(subject.fetches).to.equal(fetches);
    }
    await subject.settle();
    expect(subject.schema.current()).to.equal('v2');
  });

  it('is used after its expiry, within the deadline, when the registry does not answer', async () => {
    const subject = new Subject();
    await subject.get();
    subject.answer = () => new Promise(() => undefined);
    subject.nowMs = ttlMs;
    const startedMs = performance.now();
    expect(await subject.schema.load(subject.nowMs + 400)).to.equal('v1');
    expect(performance.now() - startedMs, 'half of the time is left').to.be.within(190, 390);
    expect(subject.counts.stale).to.equal(1);
  });

  it('is given up when the registry itself says that it is gone', async () => {
    const subject = new Subject();
    await subject.get();
    subject.fail('SCHEMA_NOT_FOUND');
    subject.nowMs = ttlMs;
    expect(await subject.get()).to.equal('SCHEMA_NOT_FOUND');
    expect(subject.lines.join('')).to.include('"using_expired":false');
  });

  for (const code of ['SCHEMA_REGISTRY_UNAVAILABLE', 'SCHEMA_NOT_FOUND'] as const) {
    it(`is ${code} for five seconds without asking again`, async () => {
      const subject = new Subject();
      subject.fail(code);
      expect(await subject.get()).to.equal(code);
      subject.nowMs = failureKeptMs - 1;
      expect(await subject.get()).to.equal(code);
      expect(subject.fetches).to.equal(1);
      subject.answer = () => Promise.resolve('v1');
      subject.nowMs = failureKeptMs;
      expect(await subject.get()).to.equal('v1');
    });
  }

  it('is asked for once by many', async () => {
    const subject = new Subject();
    expect(await Promise.all([subject.get(), subject.get(), subject.get()])).to.deep.equal(['v1', 'v1', 'v1']);
    expect(subject.fetches).to.equal(1);
  });

  it('is fetched before the first request', async () => {
    const subject = new Subject();
    subject.schema.prefetch();
    subject.schema.prefetch();
    await subject.settle();
    expect(subject.schema.current()).to.equal('v1');
    expect(subject.fetches).to.equal(1);
    subject.schema.prefetch();
    expect(subject.fetches).to.equal(1);
  });

  it('is fetched beforehand again once a failure is over, or it has expired', async () => {
    const subject = new Subject();
    subject.fail('SCHEMA_NOT_FOUND');
    for (const [atMs, fetches] of [
      [0, 1],
      [failureKeptMs - 1, 1],
      [failureKeptMs, 2],
    ] as const) {
      subject.nowMs = atMs;
      subject.schema.prefetch();
      await subject.settle();
      expect(subject.fetches).to.equal(fetches);
    }
    subject.answer = () => Promise.resolve('v2');
    subject.nowMs += failureKeptMs;
    subject.schema.prefetch();
    await subject.settle();
    expect(subject.schema.current()).to.equal('v2');
    for (const [afterMs, fetches] of [
      [ttlMs - 1, 3],
      [1, 4],
    ] as const) {
      subject.nowMs += afterMs;
      subject.schema.prefetch();
      await subject.settle();
      expect(subject.fetches).to.equal(fetches);
    }
    const always = new Subject(0);
    await always.get();
    always.schema.prefetch();
    expect(always.fetches).to.equal(1);
  });

  it('is an internal error when it cannot be prepared for another reason', async () => {
    const subject = new Subject();
    subject.answer = () => Promise.reject(new TypeError('x'));
    expect(await subject.get()).to.equal('INTERNAL');
  });
});
