import { expect } from 'chai';
import { mergeFacts } from '../../../data-plane/workers/merge-facts.ts';
import type { WorkerFacts } from '../../../data-plane/workers/messages.ts';

function facts(fields: Partial<WorkerFacts>): WorkerFacts {
  const none = { requestsTotal: 0, clusters: [], destinations: [], targets: [], unusableSchemas: [], warnings: [] };
  return { ...none, connections: { accepted: 0, active: 0 }, ...fields };
}

describe('the facts of several workers', () => {
  it('are the sums of numbers', () => {
    const one = facts({ requestsTotal: 3, connections: { accepted: 2, active: 1 } });
    const sum = mergeFacts([one, one]);
    expect(sum.requestsTotal).to.equal(6);
    expect(sum.connections).to.deep.equal({ accepted: 4, active: 2 });
  });

  it('show each cluster and destination once, in the worst state of any worker', () => {
    const cluster = { name: 'main', brokers: 'a:1', error: null };
    const topic = { kind: 'topic', name: 'main/t', error: null } as const;
    const merged = mergeFacts([
      facts({ clusters: [{ ...cluster, state: 'connected' }], destinations: [{ ...topic, state: 'reachable' }] }),
      facts({
        clusters: [{ ...cluster, state: 'failing', error: 'refused' }],
        destinations: [{ ...topic, state: 'unreachable', error: 'refused' }],
      }),
    ]);
    expect(merged.clusters).to.deep.equal([{ ...cluster, state: 'failing', error: 'refused' }]);
    expect(merged.destinations).to.deep.equal([{ ...topic, state: 'unreachable', error: 'refused' }]);
  });

  it('tell a target as failing that fails for any worker', () => {
    const upstream = { upstreamId: 'u', isChecked: true };
    const failing = { target: 'a:80', state: 'UNHEALTHY' } as const;
    const merged = mergeFacts([
      facts({ targets: [{ ...upstream, failing: [] }] }),
      facts({ targets: [{ ...upstream, failing: [failing] }] }),
      facts({ targets: [{ ...upstream, failing: [failing] }] }),
    ]);
    expect(merged.targets).to.deep.equal([{ ...upstream, failing: [failing] }]);
  });

  it('list what several workers say once', () => {
    const same = facts({ warnings: ['two names'], unusableSchemas: [{ subject: 's' }] });
    expect(mergeFacts([same, same])).to.deep.include({ warnings: ['two names'], unusableSchemas: [{ subject: 's' }] });
  });
});
