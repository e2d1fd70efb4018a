import { expect } from 'chai';
import type { ClusterStatus } from '../../../data-plane/kafka/producer-types.ts';
import { createReadiness } from '../../../data-plane/status/readiness.ts';

describe('readiness', () => {
  let node: { configured: boolean; draining: boolean; listening: boolean; nowMs: number; clusters: ClusterStatus[] };
  let ready: ReturnType<typeof createReadiness>;

  const cluster = (name: string, state: ClusterStatus['state']): ClusterStatus => ({
    name,
    brokers: 'localhost:9092',
    state,
    error: state === 'failing' ? 'refused' : null,
  });

  beforeEach(() => {
    node = { configured: true, draining: false, listening: true, nowMs: 1_000, clusters: [] };
    ready = createReadiness({
      isConfigured: () => node.configured,
      isDraining: () => node.draining,
      isListening: () => node.listening,
      clusters: () => node.clusters,
      nowMs: () => node.nowMs,
    });
  });

  it('is given with a configuration that names no cluster', () => {
    expect(ready()).to.deep.equal({ ready: true, body: { message: 'ready', clusters: [] } });
  });

  it('is given despite problems that do not affect requests, which the body names', () => {
    const deps = { isConfigured: () => true, isDraining: () => false, isListening: () => true };
    const problems = ['the running configuration is not on disk: ENOSPC'];
    const state = createReadiness({ ...deps, clusters: () => [], nowMs: () => 0, problems: () => problems })();
    expect(state).to.deep.equal({ ready: true, body: { message: 'ready', clusters: [], problems } });
  });

  it('is withheld before there is a configuration, and the body says why', () => {
    node.configured = false;
    const body = { message: 'not ready', reasons: ['no configuration yet'], clusters: [] };
    expect(ready()).to.deep.equal({ ready: false, body });
  });

  it('is withheld before its ports are bound, with every reason', () => {
    node.listening = false;
    node.clusters = [cluster('a', 'connecting')];
    expect(ready().body.reasons).to.deep.equal(['a port is not bound yet', 'the Kafka cluster a was not reached yet']);
    node.configured = false;
    expect(ready().body.reasons).to.deep.equal(['a port is not bound yet', 'no configuration yet']);
  });

  for (const state of ['connecting', 'failing'] as const) {
    it(`is withheld while a cluster is ${state}, and the body lists each`, () => {
      node.clusters = [cluster('a', 'connected'), cluster('b', state)];
      expect(ready()).to.deep.equal({
        ready: false,
        body: {
          message: 'not ready',
          reasons: ['the Kafka cluster b was not reached yet'],
          clusters: node.clusters,
        },
      });
    });
  }

  it('is given once every cluster is connected', () => {
    node.clusters = [cluster('a', 'connecting')];
    expect(ready().ready).to.equal(false);
    node.clusters = [cluster('a', 'connected')];
    expect(ready().ready).to.equal(true);
  });

  it('is given 10 s after the first configuration even if a cluster was not reached', () => {
    node.configured = false;
    node.clusters = [cluster('a', 'failing')];
    ready();
    node.nowMs += 60_000;
    node.configured = true;
    expect(ready().ready, 'the time counts from the configuration').to.equal(false);
    node.nowMs += 9_999;
    expect(ready().ready).to.equal(false);
    node.nowMs += 1;
    expect(ready()).to.deep.equal({ ready: true, body: { message: 'ready', clusters: node.clusters } });
  });

  it('is still given when a cluster is lost later', () => {
    node.clusters = [cluster('a', 'connected')];
    expect(ready().ready).to.equal(true);
    node.clusters = [cluster('a', 'failing'), cluster('new', 'connecting')];
    expect(ready()).to.deep.equal({ ready: true, body: { message: 'ready', clusters: node.clusters } });
  });

  it('is withheld during a drain, whatever else', () => {
    expect(ready().ready).to.equal(true);
    node.draining = true;
    expect(ready().body).to.include({ message: 'not ready' }).and.to.have.deep.property('reasons', ['draining']);
  });
});
