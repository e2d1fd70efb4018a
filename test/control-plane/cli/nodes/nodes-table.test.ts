import { expect } from 'chai';
import type { ListedNode } from '../../../../control-plane/cli/nodes/listed-node.ts';
import { applyProgress, nodeFault } from '../../../../control-plane/cli/nodes/node-health.ts';
import { nodesTable } from '../../../../control-plane/cli/nodes/nodes-table.ts';

const nowMs = 1_000_000_000;
const nowSeconds = nowMs / 1_000;

function node(more: Partial<ListedNode> = {}): ListedNode {
  const base = { id: 'id-1', hostname: 'one', version: '1.2.3', state: 'in_sync', connected: true };
  return { ...base, last_seen: nowSeconds - 3, applied_hash: 'ab'.repeat(32), expected_hash: 'ab'.repeat(32), ...more };
}

const unreachable = { kind: 'cluster', name: 'orders-kafka', state: 'unreachable', error: 'refused' } as const;
const reachable = { kind: 'registry', name: 'r:80', state: 'reachable', error: null } as const;
const untested = { kind: 'topic', name: 'b/orders', state: 'untested', error: null } as const;
const errors = [{ entity_type: 'plugin', entity_name: 'mine', field: 'config.topic', message: 'no such topic' }];

describe('the table of nodes', () => {
  const cells = (nodes: readonly ListedNode[], wide = false) =>
    nodesTable(nodes, { wide, nowMs })
      .split('\n')
      .map((line) => line.split(/ {2,}/));

  it('shows state, lag, age, clusters, destinations and labels', () => {
    const [head, row] = cells([
      node({
        labels: { zone: 'a', rack: '1' },
        clusters: [
          { name: 'k', state: 'connected' },
          { name: 'l', state: 'failing' },
        ],
        destinations: [reachable, untested],
        requests_per_second: 1.5,
      }),
    ]);
    expect(head).to.deep.equal([
      'HOSTNAME',
      'ID',
      'STATE',
      'LAG',
      'SEEN',
      'APPLIED',
      'CLUSTERS',
      'DESTINATIONS',
      'REQ/S',
      'LABELS',
    ]);
    expect(row).to.deep.equal([
      'one',
      'id-1',
      'in_sync',
      '0s',
      '3s',
      'abababababab',
      '1/2',
      '1/2',
      '1.5',
      'zone=a,rack=1',
    ]);
  });

  it('shows version, expected hash and ages in its wide form', () => {
    const applied = { applied_at: nowSeconds - 7_300, apply_ms: 7.4, clusters: [{ name: 'k', state: 'connected' }] };
    const [head, row] = cells([node(applied)], true);
    expect(head?.slice(-5)).to.deep.equal(['VERSION', 'EXPECTED', 'SINCE', 'APPLY', 'NAMES']);
    expect(row?.slice(-5)).to.deep.equal(['1.2.3', 'abababababab', '2h', '7 ms', 'k:connected']);
  });

  it('shows dashes for fields that an older control plane does not send', () => {
    const [, row] = cells([node({ applied_hash: null, state: 'pending', last_seen: Number.NaN })]);
    expect(row).to.deep.equal(['one', 'id-1', 'pending', '-', '-', '-', '-', '-', '-', '-']);
  });

  const ages: [seconds: number, shown: string][] = [
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [7_199, '119m'],
    [7_200, '2h'],
    [172_799, '47h'],
    [172_800, '2d'],
    [-5, '0s'],
  ];
  for (const [seconds, shown] of ages) {
    it(`writes an age of ${seconds} s as ${shown}`, () => {
      expect(cells([node({ last_seen: nowSeconds - seconds })])[1]?.[4]).to.equal(shown);
      const behind = node({ state: 'stale', behind_ms: Math.max(0, seconds) * 1_000 });
      expect(cells([behind])[1]?.[3]).to.equal(shown);
    });
  }

  it('lists below a node why it is not healthy, at most five reasons', () => {
    const row = { plugin: 'new', field: null, action: 'removed', reason: 'it is too new' };
    const sick = node({
      state: 'rejected',
      rejected: { errors },
      destinations: [unreachable, reachable],
      destinations_omitted: 3,
      compatibility: Array.from({ length: 5 }, () => row),
    });
    expect(nodesTable([sick], { nowMs }).split('\n').slice(2)).to.deep.equal([
      '  rejected: plugin mine config.topic: no such topic',
      '  unreachable: cluster orders-kafka: refused',
      '  removed: new: it is too new',
      '  removed: new: it is too new',
      '  removed: new: it is too new',
      '  and 2 more',
      '  and 3 destinations that the node could not tell',
    ]);
  });
});

describe('the check of a node', () => {
  const rows: [node: Partial<ListedNode>, offline: boolean, fault: string | undefined][] = [
    [{}, false, undefined],
    [{ state: 'pending' }, true, undefined],
    [{ state: 'rejected' }, false, 'rejected'],
    [{ state: 'stale' }, false, 'stale'],
    [{ state: 'incompatible' }, false, 'incompatible'],
    [{ state: 'offline', connected: false }, false, undefined],
    [{ state: 'offline', connected: false }, true, 'offline'],
    [{ destinations: [unreachable, reachable] }, false, 'unreachable orders-kafka'],
    [{ destinations: [untested] }, false, undefined],
    [{ state: 'offline', connected: false, destinations: [unreachable] }, false, undefined],
  ];
  for (const [facts, offline, fault] of rows) {
    it(`finds ${fault ?? 'nothing'} for ${JSON.stringify(facts)}${offline ? ' with --offline' : ''}`, () => {
      expect(nodeFault(node(facts), { offline })).to.equal(fault);
    });
  }
});

describe('the progress of the nodes', () => {
  const rows: [nodes: readonly Partial<ListedNode>[], kind: string, text: string][] = [
    [[], 'waiting', 'none; nodes=0'],
    [[{ connected: false, state: 'offline' }], 'waiting', 'none; nodes=0'],
    [[{ state: 'incompatible' }], 'waiting', 'none; nodes=0'],
    [[{}, { state: 'incompatible' }], 'applied', 'applied; nodes=1'],
    [[{}, { state: 'pending', hostname: 'two' }], 'waiting', 'pending; nodes=2; behind=two'],
    [[{ state: 'stale' }, { state: 'rejected', hostname: 'two' }], 'failed', 'rejected; nodes=2; by=two'],
    [
      [{ destinations: [unreachable] }, { destinations: [unreachable] }],
      'waiting',
      'applied; nodes=2; unreachable=orders-kafka',
    ],
    [[{ destinations: [untested] }], 'waiting', 'applied; nodes=1'],
    [[{ destinations: [reachable] }], 'applied', 'applied; nodes=1'],
  ];
  for (const [nodes, kind, text] of rows) {
    it(`is ${kind} for ${JSON.stringify(nodes.map(({ state = 'in_sync' }) => state))}: ${text}`, () => {
      expect(applyProgress(nodes.map(node))).to.deep.equal({ kind, text });
    });
  }
});
