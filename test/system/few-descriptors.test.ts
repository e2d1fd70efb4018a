import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { runDbless } from '../helpers/sluice-process.ts';
import { waitFor } from '../helpers/wait-for.ts';

const document = JSON.stringify({ _format_version: '3.0', routes: [{ name: 'r', paths: ['/r'] }] });

describe('a node with few file descriptors', function () {
  this.timeout(60_000);
  const closing = new Closing();
  afterEach(() => closing.close());

  it('serves status, Admin API and requests beside hundreds of idle clients, and says that it closes some', async () => {
    const node = await runDbless([], { SLUICE_DECLARATIVE_CONFIG_TEXT: document }, { descriptors: 150 });
    closing.add(() => node.stop());
    const [host, port] = node.address('proxy').split(':');
    const idle: Socket[] = [];
    closing.add(() => {
      for (const socket of idle) socket.destroy();
    });
    for (let count = 0; count < 400; count++) {
      const socket = connect(Number(port), host).on('error', () => undefined);
      idle.push(socket.resume());
    }
    const open = () => idle.filter(({ destroyed }) => !destroyed);
    await waitFor(() => open().length <= 16, { what: 'the clients that are too many are closed', timeoutMs: 20_000 });
    for (const url of [`${node.status}/status/live`, `${node.admin}/status`]) {
      expect((await fetch(url, { signal: AbortSignal.timeout(5_000) })).status, url).to.equal(200);
    }
    await node.line(({ event, limit, port: at }) => {
      return event === 'limit_hit' && limit === 'connections_max' && at === 'proxy';
    });
    for (const socket of idle) socket.destroy();
    const answers = async () => {
      const answer = await fetch(`${node.proxy}/r`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
      return answer?.status === 503;
    };
    await waitFor(answers, { what: 'an answer once there is room' });
  });
});
