import { expect } from 'chai';
import type { KeyClaim } from '../../../data-plane/plugin-api/answered-keys.ts';
import { createParentKeys, SharedKeys } from '../../../data-plane/workers/shared-keys.ts';

const answer = { status: 200, headers: ['a', 'b'], body: 'first' };

describe('the idempotency keys of several workers', () => {
  it('let one request begin, whichever worker it came to, and give all others its answer', () => {
    const keys = new SharedKeys<string>();
    expect(keys.claim('one', 'key')).to.deep.equal({ kind: 'begun' });
    expect(keys.claim('two', 'key')).to.deep.equal({ kind: 'under way' });
    keys.end('one', 'key', answer);
    expect(keys.claim('two', 'key')).to.deep.equal({ kind: 'answered', answer });
  });

  it('are free again when the worker is gone that had begun', () => {
    const keys = new SharedKeys<string>();
    keys.claim('one', 'key');
    keys.forget('one');
    expect(keys.claim('two', 'key')).to.deep.equal({ kind: 'begun' });
    keys.end('one', 'key', answer);
    expect(keys.claim('three', 'key')).to.deep.equal({ kind: 'under way' });
  });

  it('are held to be under way while the parent says nothing', async () => {
    const keys = createParentKeys({ claim: async () => undefined, end: () => undefined });
    expect(await keys.claim('key')).to.deep.equal({ kind: 'under way' });
  });

  it('cross the channel without functions', async () => {
    const shared = new SharedKeys<string>();
    const keys = createParentKeys({
      claim: async (key): Promise<KeyClaim> => shared.claim('one', key),
      end: (key, ended) => shared.end('one', key, structuredClone(ended)),
    });
    await keys.claim('key');
    keys.end('key', { ...answer, trailers: () => [] });
    expect(shared.claim('two', 'key')).to.deep.equal({ kind: 'answered', answer });
  });
});
