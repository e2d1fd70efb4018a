import { expect } from 'chai';
import { rejectionReason, StateHistory } from '../../../control-plane/sync/state-history.ts';

describe('the history of a node', () => {
  it('keeps the last 50 changes, the newest first', () => {
    const history = new StateHistory();
    for (let n = 0; n < 60; n += 1) {
      history.note({ atMs: n, from: 'pending', to: 'in_sync', expectedHash: null, appliedHash: null, reason: null });
    }
    const times = history.all().map(({ atMs }) => atMs);
    expect(times).to.have.length(50);
    expect([times[0], times.at(-1)]).to.deep.equal([59, 10]);
  });

  it('says the first fault of a rejection, within bounds', () => {
    const fault = { entityType: 'plugin', entityId: 'id', entityName: 'orders', path: 'config.topic', message: 'bad' };
    expect(rejectionReason({ hash: 'h', atMs: 0, errors: [fault, fault] })).to.equal('plugin orders config.topic: bad');
    expect(rejectionReason({ hash: 'h', atMs: 0, errors: [{ ...fault, entityName: '', path: '' }] })).to.equal(
      'plugin id: bad',
    );
    expect(rejectionReason({ hash: 'h', atMs: 0, errors: [{ ...fault, message: 'x'.repeat(5_000) }] })).to.have.length(
      300,
    );
    expect(rejectionReason(null)).to.equal(null);
  });
});
