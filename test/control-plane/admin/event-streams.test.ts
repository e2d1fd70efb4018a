import { expect } from 'chai';
import { mock } from 'node:test';
import { EventStreams } from '../../../control-plane/admin/event-streams.ts';

describe('streams of events', () => {
  let streams: EventStreams;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setInterval'] });
    streams = new EventStreams();
  });
  afterEach(() => {
    streams.stop();
    mock.timers.reset();
  });

  it('are kept alive by comments', () => {
    const stream = streams.open([]);
    expect(String(stream.read())).to.equal('retry: 2000\n\n');
    mock.timers.tick(15_000);
    expect(String(stream.read())).to.equal(':\n\n');
  });

  it('drop only the client that does not read', () => {
    const [deaf, reader] = [streams.open([]), streams.open([])];
    for (let sent = 0; sent < 12; sent += 1) {
      streams.send('state', 'x'.repeat(100_000));
      reader.read();
    }
    expect([deaf.destroyed, reader.destroyed]).to.deep.equal([true, false]);
  });
});
