import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import type { PluginCreation } from '../../../data-plane/plugin-api/plugin-definition.ts';
import type { Answer } from '../../../data-plane/plugin-api/exchange.ts';
import { createSnapshot, type SnapshotEntities } from '../../../shared/snapshot.ts';
import { waitFor } from '../../helpers/wait-for.ts';
import { FakeExchange } from '../proxy/fake-exchange.ts';
import { pluginEntity, routeEntity, SpineFixture } from '../proxy/spine-fixture.ts';

const answer = (body: string): Answer => ({ status: 200, headers: [], body });

describe('applying a configuration', function () {
  this.timeout(20_000);
  let fixture: SpineFixture;
  /** Labels of instances, as they were closed. */
  let closed: string[];

  beforeEach(() => {
    fixture = new SpineFixture();
    closed = [];
  });

  /** A configuration whose one route answers with the label. */
  function answering(label: string, access: () => Answer | Promise<Answer> = () => answer(label)): SnapshotEntities {
    fixture.behaviours.set(label, { access, close: () => closed.push(label) });
    return { routes: [routeEntity()], plugins: [pluginEntity('publish', label)] };
  }

  function ask(): FakeExchange {
    const exchange = new FakeExchange();
    fixture.spine.handle(exchange);
    return exchange;
  }

  describe('faults', () => {
    it('are all collected, with entity type, id, name and path', async () => {
      fixture.behaviours.set('picky', () => ({
        kind: 'faults',
        faults: [
          { path: ['config', 'topic'], message: 'no such topic' },
          { path: ['config', 'servers', 0, 'host'], message: 'no such host' },
        ],
      }));
      const plugins = [
        pluginEntity('publish', 'picky', { id: 'p1', instance_name: 'mine' }),
        pluginEntity('unheard-of', 'x', { id: 'p2' }),
        pluginEntity('middle', 'x', { id: 'p3', config: { label: 7, more: true } }),
        pluginEntity('unheard-of', 'x', { id: 'p4', enabled: false }),
      ];
      const routes = [
        routeEntity({ id: 'r1', paths: ['/', '~/(', '~/['] }),
        routeEntity({ id: 'r2', name: null, headers: { 'x-a': ['~*('] } }),
        routeEntity({ id: 'r3', name: 'good' }),
      ];
      const result = await fixture.apply({ routes, plugins });
      const faults = result.kind === 'rejected' ? result.faults : [];
      expect(
        faults.map(({ entityType, entityId, entityName, path }) => [entityType, entityId, entityName, path]),
      ).to.deep.equal([
        ['plugin', 'p1', 'mine', 'config.topic'],
        ['plugin', 'p1', 'mine', 'config.servers.1.host'],
        ['plugin', 'p2', 'unheard-of', 'name'],
        ['plugin', 'p3', 'middle', 'config.label'],
        ['plugin', 'p3', 'middle', 'config.more'],
        ['route', 'r1', 'orders', 'paths.2'],
        ['route', 'r1', 'orders', 'paths.3'],
        ['route', 'r2', '', 'headers.x-a.1'],
      ]);
      for (const { message } of faults) expect(message).to.be.a('string').with.length.above(0);
    });

    it('of a plugin that takes its time count as well, in the order of the plugins', async () => {
      const label = (path: string) => (): PluginCreation => ({
        kind: 'faults',
        faults: [{ path: [path], message: 'm' }],
      });
      fixture.behaviours.set('slow', () => nextTurn().then(label('late')));
      fixture.behaviours.set('quick', label('soon'));
      const result = await fixture.apply({ plugins: [pluginEntity('first', 'slow'), pluginEntity('middle', 'quick')] });
      const faults = result.kind === 'rejected' ? result.faults : [];
      expect(faults.map(({ path }) => path)).to.deep.equal(['late', 'soon']);
      const access = (): Answer => answer('late');
      fixture.behaviours.set('good', () => nextTurn().then(() => ({ kind: 'created', instance: { access } })));
      const good = { routes: [routeEntity()], plugins: [pluginEntity('publish', 'good')] };
      expect((await fixture.apply(good)).kind).to.equal('applied');
      expect(ask().answer.body).to.equal('late');
    });

    it('keep the old configuration, and close what was made of the new one', async () => {
      await fixture.apply(answering('old'));
      const entities = answering('new');
      const result = await fixture.apply({ ...entities, routes: [routeEntity({ paths: ['~/('] })] });
      expect(result.kind).to.equal('rejected');
      expect(closed).to.deep.equal(['new']);
      expect(ask().answer.body).to.equal('old');
      expect(fixture.events.map(({ kind }) => kind)).to.deep.equal(['applied', 'rejected']);
      const line = fixture.lines.find(({ event }) => event === 'config_rejected');
      expect(line).to.include({ level: 'error' }).and.to.have.nested.property('faults[0].path', 'paths.1');
    });

    it('of the node itself are one fault without its text, and leak no instance', async () => {
      await fixture.apply(answering('old'));
      const { plugins = [], ...rest } = answering('new');
      fixture.behaviours.set('broken', (): PluginCreation => {
        throw new Error('password hunter2');
      });
      const result = await fixture.apply({ ...rest, plugins: [...plugins, pluginEntity('first', 'broken')] });
      expect(result).to.have.property('kind', 'rejected');
      expect(JSON.stringify(result)).to.not.include('hunter2');
      expect(closed).to.deep.equal(['new']);
      expect(ask().answer.body).to.equal('old');
      expect((await fixture.apply(answering('newer'))).kind, 'the next one has its turn').to.equal('applied');
    });
  });

  describe('the swap', () => {
    it('serves the new one from the next request on, and closes the old one at once when it is idle', async () => {
      await fixture.apply(answering('old'));
      expect(ask().answer.body).to.equal('old');
      await fixture.apply(answering('new'));
      expect(ask().answer.body).to.equal('new');
      expect(closed).to.deep.equal(['old']);
    });

    it('takes over the instances of entities that did not change, and closes them with their last configuration', async () => {
      let made = 0;
      const shared = pluginEntity('publish', 'shared');
      fixture.behaviours.set('shared', () => {
        made += 1;
        return {
          kind: 'created',
          instance: { access: () => answer(`shared ${made}`), close: () => closed.push('shared') },
        };
      });
      fixture.behaviours.set('other', { close: () => closed.push('other') });
      const routes = [routeEntity()];
      await fixture.apply({ routes, plugins: [shared] });
      await fixture.apply({ routes, plugins: [shared, pluginEntity('first', 'other')] });
      expect([made, ask().answer.body]).to.deep.equal([1, 'shared 1']);
      const broken = await fixture.apply({ routes: [routeEntity({ paths: ['~/('] })], plugins: [shared] });
      expect(broken.kind).to.equal('rejected');
      expect(closed).to.deep.equal([]);
      await fixture.apply({ routes, plugins: [{ ...shared }] });
      expect([made, ask().answer.body]).to.deep.equal([2, 'shared 2']);
      expect(closed.sort()).to.deep.equal(['other', 'shared']);
      await fixture.holder.close();
      expect(closed.filter((label) => label === 'shared')).to.have.length(2);
    });

    it('makes an instance anew when a certificate that it asked for is another one', async () => {
      let made = 0;
      fixture.behaviours.set('tls', ({ certificates }) => {
        made += 1;
        certificates.authority('ca');
        return { kind: 'created', instance: { access: () => answer(`tls ${made}`), close: () => closed.push('tls') } };
      });
      const base = { routes: [routeEntity()], plugins: [pluginEntity('publish', 'tls')] };
      const authority = { id: 'ca', cert: 'one' };
      await fixture.apply({ ...base, ca_certificates: [authority] });
      await fixture.apply({ ...base, ca_certificates: [authority, { id: 'other', cert: 'x' }] });
      expect([made, closed]).to.deep.equal([1, []]);
      await fixture.apply({ ...base, ca_certificates: [{ ...authority, cert: 'two' }] });
      expect([made, closed, ask().answer.body]).to.deep.equal([2, ['tls'], 'tls 2']);
      await fixture.holder.close();
      expect(closed).to.deep.equal(['tls', 'tls']);
    });

    it('closes the old one only after its last exchange, once', async () => {
      const releases: ((given: Answer) => void)[] = [];
      await fixture.apply(answering('old', () => new Promise((resolve) => releases.push(resolve))));
      const exchanges = [ask(), ask()];
      await fixture.apply(answering('new'));
      expect(ask().answer.body).to.equal('new');
      releases[1]?.(answer('old 2'));
      await waitFor(() => exchanges[1]?.answers.length === 1, { what: 'the second', pollMs: 1 });
      expect(closed).to.deep.equal([]);
      releases[0]?.(answer('old 1'));
      await waitFor(() => exchanges[0]?.answers.length === 1, { what: 'the first', pollMs: 1 });
      expect(closed).to.deep.equal(['old']);
      expect(exchanges.map((exchange) => exchange.answer.body)).to.deep.equal(['old 1', 'old 2']);
    });

    it('does nothing for the same hash', async () => {
      const entities = answering('same');
      await fixture.apply(entities);
      const before = fixture.holder.current;
      expect(await fixture.apply(structuredClone(entities))).to.deep.equal({ kind: 'applied', applyMs: 0 });
      expect(fixture.holder.current).to.equal(before);
      expect(fixture.events).to.have.length(1);
      expect(closed).to.deep.equal([]);
    });

    it('takes snapshots in order, one at a time', async () => {
      const results = await Promise.all(['a', 'b', 'c'].map((label) => fixture.apply(answering(label))));
      expect(results.map(({ kind }) => kind)).to.deep.equal(['applied', 'applied', 'applied']);
      expect(closed).to.deep.equal(['a', 'b']);
      expect(ask().answer.body).to.equal('c');
    });

    it('under load drops no request and uses no closed instance', async function () {
      this.timeout(20_000);
      let isLive = true;
      let wrong = 0;
      const exchanges: FakeExchange[] = [];
      const configure = (index: number) => {
        let isClosed = false;
        const label = `v${index}`;
        fixture.behaviours.set(label, {
          async access() {
            if (isClosed) wrong += 1;
            await nextTurn();
            if (isClosed) wrong += 1;
            return answer(label);
          },
          close() {
            if (isClosed) wrong += 1;
            isClosed = true;
            closed.push(label);
          },
        });
        return fixture.apply({ routes: [routeEntity()], plugins: [pluginEntity('publish', label)] });
      };
      await configure(0);
      const load = (async () => {
        while (isLive) {
          for (let count = 0; count < 5; count += 1) exchanges.push(ask());
          await nextTurn();
        }
      })();
      for (let index = 1; index <= 100; index += 1) {
        expect((await configure(index)).kind).to.equal('applied');
        await nextTurn();
      }
      isLive = false;
      await load;
      await waitFor(() => fixture.spine.inFlight() === 0, { what: 'the last answer' });
      expect(exchanges.length).to.be.above(200);
      expect(exchanges.filter(({ answers }) => answers.length !== 1)).to.deep.equal([]);
      expect(new Set(exchanges.map((exchange) => exchange.answer.status))).to.deep.equal(new Set([200]));
      expect(wrong).to.equal(0);
      expect(closed).to.have.length(100);
    });

    it('is built in slices: the event loop is not held', async function () {
      this.timeout(30_000);
      const routes = Array.from({ length: 5_000 }, (_, index) =>
        routeEntity({
          id: `r${index}`,
          name: `route-${index}`,
          paths: [`/orders/${index}`, `~/items/${index}/[0-9]+`],
        }),
      );
      const snapshot = createSnapshot({ routes });
      const turnsMs: number[] = [];
      let lastMs = performance.now();
      let isBuilding = true;
      const watching = (async () => {
        while (isBuilding) {
          await nextTurn();
          turnsMs.push(performance.now() - lastMs);
          lastMs = performance.now();
        }
      })();
      expect((await fixture.build(snapshot)).kind).to.equal('built');
      isBuilding = false;
      await watching;
      // Slices are of 2 ms; all at once it would be one turn of hundreds. A busy machine makes any turn longer.
      turnsMs.sort((a, b) => a - b);
      expect(turnsMs.length).to.be.above(20);
      expect(turnsMs[Math.floor(turnsMs.length / 2)]).to.be.lessThan(60);
    });
  });

  describe('closing', () => {
    it('lets exchanges finish, begins no more, closes after the last', async () => {
      let release: (given: Answer) => void = () => {};
      await fixture.apply(answering('only', () => new Promise((resolve) => (release = resolve))));
      const exchange = ask();
      await fixture.holder.close();
      expect(closed).to.deep.equal([]);
      expect(ask().answer.status).to.equal(503);
      release(answer('done'));
      await waitFor(() => exchange.answers.length === 1, { what: 'the answer', pollMs: 1 });
      expect(closed).to.deep.equal(['only']);
    });

    it('applies nothing any more', async () => {
      await fixture.apply(answering('old'));
      const late = fixture.apply(answering('new'));
      await fixture.holder.close();
      expect((await late).kind).to.equal('rejected');
      expect(closed.toSorted()).to.deep.equal(['new', 'old']);
    });

    it('an instance that fails to close is logged and stops nobody', async () => {
      fixture.behaviours.set('bad', {
        access: () => answer('bad'),
        close() {
          throw new Error('stuck');
        },
      });
      await fixture.apply({
        routes: [routeEntity()],
        plugins: [
          pluginEntity('publish', 'bad'),
          ...(answering('good')['plugins'] ?? []).map((plugin) => ({ ...plugin, name: 'middle' })),
        ],
      });
      expect((await fixture.apply(answering('new'))).kind).to.equal('applied');
      expect(fixture.lines.map(({ event }) => event)).to.include('internal_error');
      expect(closed).to.deep.equal(['good']);
    });
  });

  it('meters of routes that are gone are forgotten by keepOnly', async () => {
    await fixture.apply(answering('a'));
    ask();
    expect(await fixture.registry.metrics()).to.include('route="orders"');
    fixture.metrics.keepOnly(new Set());
    expect(await fixture.registry.metrics()).to.not.include('route="orders"');
  });
});
