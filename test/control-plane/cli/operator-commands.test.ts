import { expect } from 'chai';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { callAdvice, replyAdvice } from '../../../control-plane/cli/advice.ts';
import { eventLine } from '../../../control-plane/cli/events-command.ts';
import { trialLines } from '../../../control-plane/cli/try-command.ts';
import { Closing } from '../../helpers/closing.ts';
import { runSluice } from '../../helpers/sluice-process.ts';
import { waitFor } from '../../helpers/wait-for.ts';

describe('the commands of an operator', function () {
  this.timeout(30_000);
  const closing = new Closing();
  afterEach(() => closing.close());

  async function answering(listener: Parameters<typeof createServer>[1]): Promise<string> {
    const server: Server = createServer(listener ?? (() => undefined)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.add(() => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    });
    // A TCP address, since it listens on one.
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('writes events as lines, and comes back when the stream ends', async () => {
    let streams = 0;
    const admin = await answering((_request, response) => {
      streams += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: status\ndata: {"nodes":3,"connected":2,"states":{"in_sync":2,"offline":1,"stale":0}}\n\n');
      response.end(
        'event: state\ndata: {"id":"i","hostname":"h","from":"pending","state":"in_sync","applied_hash":"0123456789abcdef","at":0}\n\n',
      );
    });
    const events = runSluice(['events', '--admin', admin]);
    closing.add(() => events.kill('SIGKILL'));
    await waitFor(() => streams >= 2, { what: 'a second stream', timeoutMs: 20_000 });
    expect(events.output()).to.include('2 of 3 nodes connected: 2 in_sync, 1 offline');
    expect(events.output()).to.include('1970-01-01T00:00:00.000Z  h  pending → in_sync  runs 0123456789ab');
    events.kill('SIGINT');
    expect(await events.exited).to.equal(0);
  });

  it('ends the events of who has none, and says so', async () => {
    for (const [status, words] of [
      [404, 'has no data planes'],
      [401, 'SLUICE_ADMIN_TOKEN'],
    ] as const) {
      const admin = await answering((_request, response) => response.writeHead(status).end('{"message":"no"}'));
      const events = runSluice(['events', '--admin', admin]);
      expect(await events.exited).to.equal(1);
      expect(events.output()).to.include(words);
    }
  });

  it('writes events of an older control plane', () => {
    expect(eventLine('status', {})).to.equal(' of  nodes connected');
    expect(eventLine('state', { id: 'i', from: 'a', state: 'b' })).to.include('i  a → b');
  });

  it('writes a trial as lines', () => {
    const lines = trialLines({
      route: { id: 'r', name: 'orders' },
      why: ['path: x'],
      steps: [{ plugin: 'kafka-upstream', did: 'answered', note: 'n' }],
      records: [
        {
          topic: 't',
          cluster: 'c',
          partition: 3,
          key: { bytes: 1, text: 'k' },
          headers: [{ name: 'h', value: 'v' }],
          value: { bytes: 9, schema_id: 7, base64: 'AAAA', cut: true },
        },
      ],
      answer: { status: 200, body: '{}' },
      forward: null,
      notes: ['note'],
    });
    expect(lines).to.deep.equal([
      'route    orders',
      '  path: x',
      'plugin   kafka-upstream: answered (n)',
      'record   t at c, partition 3',
      '  key    1 bytes: k',
      '  header h: v',
      '  value  schema 7, 9 bytes: AAAA (cut)',
      'answer   200 {}',
      'note     note',
    ]);
    const forwarded = trialLines({ route: null, forward: { service: { id: 's', name: null } }, answer: null });
    expect(forwarded).to.deep.equal(['route    none', 'service  s would get the request']);
  });

  it('says what to do about answers and failures', () => {
    for (const status of [401, 403, 404, 405, 409, 412, 413, 421, 429, 500, 501]) {
      expect(replyAdvice('http://a', { status, text: '{"message":"m"}' }).split('\n'), String(status)).to.have.length(
        2,
      );
    }
    expect(replyAdvice('http://a', { status: 418, text: 'tea' })).to.equal(
      'The Admin API at http://a answered 418: tea',
    );
    expect(callAdvice('http://a', new Error('x'))).to.equal('http://a: x');
  });
});
