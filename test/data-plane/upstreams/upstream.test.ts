import { createServer as createHttp } from 'node:http';
import { once } from 'node:events';
import { expect } from 'chai';
import { checkEntity } from '../../../shared/entities/check-entity.ts';
import { autoValues } from '../../../shared/auto-values.ts';
import { type Upstream as UpstreamEntity, upstreamEntity } from '../../../shared/entities/upstream.ts';
import type { Endpoint } from '../../../data-plane/upstreams/endpoint.ts';
import { createTargetResolver } from '../../../data-plane/upstreams/resolve-target.ts';
import { type HealthChange, Upstream, type UpstreamTarget } from '../../../data-plane/upstreams/upstream.ts';
import { Closing } from '../../helpers/closing.ts';
import { freePort } from '../../helpers/free-port.ts';
import { type NameServer, startNameServer } from '../../helpers/name-server.ts';
import { waitFor } from '../../helpers/wait-for.ts';

const none: ReadonlySet<Endpoint> = new Set();

function entity(fields: Readonly<Record<string, unknown>> = {}): UpstreamEntity {
  const checked = checkEntity({
    entity: upstreamEntity,
    plugins: {},
    input: { name: 'backend', ...fields },
    auto: autoValues,
  });
  if (checked.kind === 'faults') throw new Error(JSON.stringify(checked.faults));
  return checked.value as unknown as UpstreamEntity;
}

function target(host: string, port: number, weight = 100): UpstreamTarget {
  return { target: `${host}:${port}`, host, port, weight };
}

describe('Upstream', () => {
  const closing = new Closing();
  let names: NameServer;
  let changes: HealthChange[];
  let unresolved: string[];

  beforeEach(async () => {
    names = await startNameServer();
    closing.add(() => names.close());
    changes = [];
    unresolved = [];
  });
  afterEach(() => closing.close());

  function make(
    fields: Readonly<Record<string, unknown>>,
    targets: readonly UpstreamTarget[],
    earlier?: Upstream,
  ): Upstream {
    const upstream = new Upstream(
      { entity: entity(fields), targets },
      {
        resolve: createTargetResolver({ nameServers: [names.address] }),
        onHealth: (change) => changes.push(change),
        onUnresolved: (name, error) => unresolved.push(`${name}: ${error}`),
        ...(earlier && { earlier: earlier.endpoints }),
      },
    );
    closing.add(() => upstream.close());
    return upstream;
  }
  const pickPorts = (upstream: Upstream, count: number) =>
    Array.from({ length: count }, () => {
      const choice = upstream.pick(undefined, none);
      return choice.kind === 'picked' ? choice.endpoint.port : choice.reason;
    });
  it('shares requests by weight, and gives none to a target without weight', async () => {
    const upstream = make({}, [target('127.0.0.1', 1, 200), target('127.0.0.1', 2, 100), target('127.0.0.1', 3, 0)]);
    await upstream.resolved(1_000);
    expect(pickPorts(upstream, 6)).to.have.members([1, 1, 1, 1, 2, 2]);
  });

  it('says why there is nothing to pick', async () => {
    expect(pickPorts(make({}, []), 1)).to.deep.equal(['no targets']);
    const unknown = make({}, [target('missing.invalid', 80)]);
    await unknown.resolved(5_000);
    expect(pickPorts(unknown, 1)).to.deep.equal(['not resolved']);
    expect(unresolved.join()).to.include('missing.invalid');
    expect(unknown.health()).to.have.nested.property('[0].health', 'DNS_ERROR');
  });

  it('follows the addresses of a name, and keeps the last ones while nobody knows it', async () => {
    names.set('api.example.com', [{ type: 'A', address: '127.0.0.1', ttl: 1 }]);
    const upstream = make({}, [target('api.example.com', 80)]);
    await upstream.resolved(2_000);
    const addresses = () => upstream.health().flatMap((of) => of.addresses.map(({ address }) => address));
    expect(addresses()).to.deep.equal(['127.0.0.1']);
    names.set('api.example.com', [
      { type: 'A', address: '127.0.0.1', ttl: 1 },
      { type: 'A', address: '127.0.0.2', ttl: 1 },
    ]);
    await waitFor(() => addresses().length === 2, { what: 'the second address' });
    names.set('api.example.com', []);
    await waitFor(() => unresolved.length > 0, { what: 'a failed look-up' });
    expect(addresses()).to.have.length(2);
  });

  it('passive checks: failures make a target unhealthy, and the operator makes it healthy again', async () => {
    const healthchecks = { passive: { unhealthy: { tcp_failures: 2, http_failures: 1 } } };
    const upstream = make({ healthchecks }, [target('127.0.0.1', 1), target('127.0.0.1', 2)]);
    await upstream.resolved(1_000);
    const choice = upstream.pick(undefined, none);
    if (choice.kind !== 'picked') throw new Error(choice.reason);
    const { endpoint } = choice;
    upstream.reportFailure(endpoint, 'tcp_failure', 'refused');
    expect(endpoint.health.isHealthy).to.equal(true);
    upstream.reportFailure(endpoint, 'tcp_failure', 'refused');
    expect(changes).to.deep.equal([
      {
        upstream: 'backend',
        target: endpoint.target,
        address: `127.0.0.1:${endpoint.port}`,
        isHealthy: false,
        error: 'refused',
      },
    ]);
    expect(new Set(pickPorts(upstream, 4)).has(endpoint.port)).to.equal(false);
    expect(upstream.setHealth(endpoint.target, true)).to.equal(true);
    expect(new Set(pickPorts(upstream, 4)).has(endpoint.port)).to.equal(true);
    upstream.reportStatus(endpoint, 200);
    upstream.reportStatus(endpoint, 418);
    expect(endpoint.health.isHealthy).to.equal(true);
    upstream.reportStatus(endpoint, 503);
    expect(changes.at(-1)).to.include({ isHealthy: false, error: 'status 503' });
    expect(upstream.setHealth('127.0.0.1:9', true)).to.equal(false);
  });

  it('active checks: a target that ends becomes unhealthy, and healthy again when it answers', async () => {
    const port = await freePort();
    const dead = await freePort();
    const active = {
      healthy: { interval: 0.05, successes: 1 },
      unhealthy: { interval: 0.05, tcp_failures: 1, http_failures: 1 },
    };
    const server = createHttp((_request, response) => response.end());
    await once(server.listen(port, '127.0.0.1'), 'listening');
    const upstream = make({ healthchecks: { active } }, [target('127.0.0.1', port), target('127.0.0.1', dead)]);
    await waitFor(() => changes.some(({ target: name, isHealthy }) => name.endsWith(`:${dead}`) && !isHealthy), {
      what: 'the dead target to be unhealthy',
    });
    expect(pickPorts(upstream, 3)).to.deep.equal([port, port, port]);
    const revived = createHttp((_request, response) => response.end());
    await once(revived.listen(dead, '127.0.0.1'), 'listening');
    closing.add(() => revived.close());
    await waitFor(() => changes.some(({ target: name, isHealthy }) => name.endsWith(`:${dead}`) && isHealthy), {
      what: 'the revived target to be healthy',
    });
    server.closeAllConnections();
    server.close();
    await waitFor(() => changes.some(({ target: name, isHealthy }) => name.endsWith(`:${port}`) && !isHealthy), {
      what: 'the target that died to be unhealthy',
    });
  });

  it('threshold: below that share of healthy weight nothing is picked', async () => {
    const upstream = make({ healthchecks: { threshold: 60 } }, [target('127.0.0.1', 1), target('127.0.0.1', 2)]);
    await upstream.resolved(1_000);
    upstream.setHealth('127.0.0.1:1', false);
    expect(pickPorts(upstream, 1)).to.deep.equal(['none healthy']);
  });

  it('health goes on in the next configuration', async () => {
    const targets = [target('127.0.0.1', 1), target('127.0.0.1', 2)];
    const first = make({}, targets);
    await first.resolved(1_000);
    first.setHealth('127.0.0.1:1', false);
    const second = make({}, [...targets, target('127.0.0.1', 3)], first);
    await second.resolved(1_000);
    expect(new Set(pickPorts(second, 4))).to.deep.equal(new Set([2, 3]));
  });

  it('reports checks as off where none can change anything', async () => {
    const upstream = make({}, [target('127.0.0.1', 1)]);
    await upstream.resolved(1_000);
    expect(upstream.health().map(({ health }) => health)).to.deep.equal(['HEALTHCHECKS_OFF']);
  });
});
