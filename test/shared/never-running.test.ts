import { expect } from 'chai';
import { keptBoundPlugin, neverRunning } from '../../shared/never-running.ts';

type Scope = Readonly<Record<string, string>>;

/** Whether a termination never runs beside one kafka-upstream, where route r belongs to service s. */
function isWarnedOf(termination: Scope, upstream: Scope): boolean {
  const plugins = [
    { id: '1', name: 'request-termination', ...refs(termination) },
    { id: '2', name: 'kafka-upstream', ...refs(upstream) },
    { id: '3', name: 'cors' },
  ];
  const kept = plugins.map(keptBoundPlugin).filter((plugin) => plugin !== undefined);
  return neverRunning(kept, (route) => (route === 'r' ? 's' : undefined)).length > 0;
}

function refs(scope: Scope) {
  return Object.fromEntries(Object.entries(scope).map(([name, id]) => [name, { id }]));
}

describe('a request-termination behind kafka-upstream', () => {
  const rows: readonly [what: string, termination: Scope, upstream: Scope, isWarned: boolean][] = [
    ['on the same route', { route: 'r' }, { route: 'r' }, true],
    ['on the service of its route', { route: 'r' }, { service: 's' }, true],
    ['everywhere', { route: 'r' }, {}, true],
    ['on the same service', { service: 's' }, { service: 's' }, true],
    ['everywhere, as itself', {}, {}, true],
    ['for its own consumer', { route: 'r', consumer: 'c' }, { route: 'r', consumer: 'c' }, true],
    ['for everybody, itself for a consumer', { route: 'r', consumer: 'c' }, { route: 'r' }, true],
    ['on another route', { route: 'r' }, { route: 'q' }, false],
    ['on one route, itself everywhere', {}, { route: 'r' }, false],
    ['on one route, itself on its service', { service: 's' }, { route: 'r' }, false],
    ['for a consumer, itself for everybody', { route: 'r' }, { route: 'r', consumer: 'c' }, false],
  ];
  for (const [what, termination, upstream, isWarned] of rows) {
    it(`${isWarned ? 'never runs' : 'may run'}: that is ${what}`, () => {
      expect(isWarnedOf(termination, upstream)).to.equal(isWarned);
    });
  }

  it('is not told of where one of them is disabled', () => {
    expect(keptBoundPlugin({ id: '1', name: 'kafka-upstream', enabled: false })).to.equal(undefined);
    const kept = keptBoundPlugin({ id: '1', name: 'request-termination', instance_name: 'closed' });
    expect(kept).to.include({ label: 'closed' });
    expect(neverRunning(kept === undefined ? [] : [kept], () => undefined)).to.deep.equal([]);
  });
});
