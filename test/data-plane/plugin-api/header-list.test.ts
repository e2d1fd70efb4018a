import { expect } from 'chai';
import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';

describe('a list of headers', () => {
  const list = (): HeaderList => new HeaderList(['Host', 'h', 'X-A', '1', 'Accept', '*/*', 'x-a', '2', 'X-A', '3']);
  const entries = (headers: HeaderList): string[] => [...headers.entries()].map((pair) => pair.join('='));

  it('finds by the lower-case name, in the order received', () => {
    expect([list().get('x-a'), list().get('none')]).to.deep.equal(['1', undefined]);
    expect([list().all('x-a'), list().all('none')]).to.deep.equal([['1', '2', '3'], []]);
    expect(entries(list())).to.deep.equal(['host=h', 'x-a=1', 'accept=*/*', 'x-a=2', 'x-a=3']);
  });

  it('removes every value of a header, and nothing else', () => {
    const headers = list();
    headers.remove('x-a');
    expect(entries(headers)).to.deep.equal(['host=h', 'accept=*/*']);
    headers.remove('none');
    headers.remove('host');
    headers.remove('accept');
    expect(entries(headers)).to.deep.equal([]);
    headers.remove('host');
  });

  it('sets one value in place of all, or a new one', () => {
    const headers = list();
    headers.set('x-a', '4');
    headers.set('x-b', '');
    expect([headers.all('x-a'), headers.get('x-b')]).to.deep.equal([['4'], '']);
    expect(entries(headers)).to.deep.equal(['host=h', 'accept=*/*', 'x-a=4', 'x-b=']);
  });

  it('does not find a value as a name', () => {
    const headers = new HeaderList(['X', 'host', 'Host', 'h']);
    headers.remove('host');
    expect(entries(headers)).to.deep.equal(['x=host']);
  });
});
