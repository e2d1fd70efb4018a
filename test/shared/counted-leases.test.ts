import { expect } from 'chai';
import { CountedLeases, Holders } from '../../shared/counted-leases.ts';

describe('counted leases', () => {
  it('create a value for the first holder and end it after the last', () => {
    const ended: string[] = [];
    const leases = new CountedLeases<string, string>((value) => ended.push(value));
    let created = 0;
    const create = (): string => `value ${++created}`;
    const first = leases.acquire('a', create);
    const second = leases.acquire('a', create);
    const other = leases.acquire('b', create);
    expect([first.value, second.value, other.value]).to.deep.equal(['value 1', 'value 1', 'value 2']);
    expect([...leases.values()]).to.deep.equal(['value 1', 'value 2']);
    first.release();
    first.release();
    expect(ended).to.deep.equal([]);
    second.release();
    expect(ended).to.deep.equal(['value 1']);
    expect(leases.acquire('a', create).value).to.equal('value 3');
    expect(leases.size).to.equal(2);
  });

  it('end no value that was cleared, nor a newer one under its key', () => {
    const ended: string[] = [];
    const leases = new CountedLeases<string, string>((value) => ended.push(value));
    const before = leases.acquire('a', () => 'before');
    expect(leases.clear()).to.deep.equal(['before']);
    const after = leases.acquire('a', () => 'after');
    before.release();
    expect(ended).to.deep.equal([]);
    after.release();
    expect(ended).to.deep.equal(['after']);
  });

  it('count the creator as the first holder', () => {
    const holders = new Holders();
    holders.hold();
    expect([holders.count, holders.release(), holders.release()]).to.deep.equal([2, false, true]);
  });
});
