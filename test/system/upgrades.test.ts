import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { RawClient } from '../data-plane/proxy/raw-http.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const host = '127.0.0.1';

async function listen(server: Server, closing: Closing): Promise<number> {
  await once(server.listen(0, host), 'listening');
  closing.add(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('upgrades to services', function () {
  this.timeout(60_000);
  const closing = new Closing();
  const waiting: Duplex[] = [];
  let folder: string;
  let services: readonly object[];
  let node: DblessProcess;
  let port: number;

  before(async () => {
    // Switches to a protocol that echoes bytes, greets at once, and answers the client's end with its last words.
    const raw = createServer((_request, response) => response.end('plain'));
    raw.on('upgrade', (request, socket: Socket, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      if (request.url === '/refuse') {
        socket.end('HTTP/1.1 403 Forbidden\r\nX-Why: refused\r\nContent-Length: 3\r\n\r\nno!');
        return;
      }
      if (request.url === '/never') {
        waiting.push(socket);
        return;
      }
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout/1\r\n\r\nhello ');
      socket.write(head.toString().toUpperCase());
      socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
      socket.on('end', () => socket.end(' bye'));
    });
    const rawPort = await listen(raw, closing);
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    const at = (name: string, of: number, more: object = {}) => ({
      name,
      host,
      port: of,
      routes: [{ name, paths: [`/${name}`] }],
      ...more,
    });
    services = [at('shout', rawPort), at('quiet', rawPort, { read_timeout: 300 }), at('refused', await freePort())];
    node = await start();
    port = Number(new URL(node.proxy).port);
  });
  after(() => closing.close());

  async function start(...args: string[]): Promise<DblessProcess> {
    const path = join(folder, 'config.json');
    await writeFile(path, JSON.stringify({ _format_version: '3.0', services }));
    const running = await runDbless([`--declarative-config=${path}`, ...args]);
    closing.add(() => running.stop());
    return running;
  }

  async function client(on = port): Promise<RawClient> {
    const made = await RawClient.open(on);
    closing.add(() => made.destroy());
    return made;
  }

  const metric = async (name: string) => {
    const text = await (await fetch(`${node.status}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
  };
  const handshake = (path: string, protocol: string, behind = '') =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n${behind}`;

  it('are counted while they are open', async () => {
    const before = await metric('sluice_http_upgrades_total');
    const open = (await client()).send(handshake('/shout', 'shout/1'));
    await waitFor(() => open.received.includes('hello'), { what: 'the switch' });
    expect(await metric('sluice_http_upgrades_open')).to.equal(1);
    expect(await metric('sluice_http_upgrades_total')).to.equal(before + 1);
    open.socket.end();
    await waitFor(async () => (await metric('sluice_http_upgrades_open')) === 0, { what: 'the end' });
  });

  it('pass bytes that came ahead of the answer, and each half by itself', async () => {
    const early = (await client()).send(handshake('/shout', 'shout/1', 'early '));
    await waitFor(() => early.received.includes('EARLY'), { what: 'the early bytes' });
    early.send('later').socket.end();
    await early.end();
    expect(early.received).to.match(/^HTTP\/1.1 101 /);
    expect(early.received.match(/^Upgrade: .*\r$/gim)).to.deep.equal(['Upgrade: shout/1\r']);
    expect(early.received.match(/^X-Request-Id: \S+\r$/gim)).to.have.length(1);
    expect(early.received.split('\r\n\r\n')[1]).to.equal('hello EARLY LATER bye');
  });

  it('come behind the answers to requests before them', async () => {
    const pipelined = await client();
    pipelined.send(`GET /shout/1 HTTP/1.1\r\nHost: a\r\n\r\n${handshake('/shout', 'shout/1', 'x')}`);
    await waitFor(() => pipelined.received.endsWith('hello X'), { what: 'both answers' });
    expect(pipelined.statuses).to.deep.equal([200, 101]);
  });

  it('are refused by the service with its own answer', async () => {
    const refused = (await client()).send(handshake('/shout/refuse', 'shout/1'));
    expect(await refused.end()).to.deep.equal([403]);
    expect(refused.received)
      .to.match(/^X-Why: refused\r$/im)
      .and.match(/^Connection: close\r$/im);
    expect(refused.received.endsWith('no!')).to.equal(true);
  });

  const answers: readonly (readonly [path: string, status: number])[] = [
    ['/refused', 502],
    ['/nowhere', 404],
  ];
  for (const [path, status] of answers) {
    it(`${path}: ${status}`, async () => {
      expect(await (await client()).send(handshake(path, 'websocket')).answers(1)).to.deep.equal([status]);
    });
  }

  const ignored: readonly (readonly [what: string, text: string])[] = [
    ['h2c', handshake('/shout', 'h2c')],
    [
      'any protocol behind a body',
      handshake('/shout', 'websocket').replace('\r\n\r\n', '\r\nContent-Length: 1\r\n\r\nx'),
    ],
    [
      'any protocol on HTTP/1.0',
      handshake('/shout', 'websocket').replace('HTTP/1.1', 'HTTP/1.0\r\nConnection: keep-alive'),
    ],
    ['any protocol without a service', handshake('/nowhere', 'websocket')],
  ];
  for (const [what, text] of ignored) {
    it(`ignore an offer of ${what}, and answer the request behind it`, async () => {
      const offering = await client();
      offering.send(`${text}GET /shout/behind HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await offering.answers(2))[1]).to.equal(200);
    });
  }

  it('end when nothing passes for read_timeout', async () => {
    const quiet = (await client()).send(handshake('/quiet', 'shout/1'));
    await waitFor(() => quiet.received.includes('hello'), { what: 'the switch' });
    const openedMs = performance.now();
    await waitFor(() => quiet.closed || quiet.ended, { what: 'the end', pollMs: 5 });
    expect(performance.now() - openedMs).to.be.within(250, 3_000);
    const text = await (await fetch(`${node.status}/metrics`)).text();
    expect(text).to.match(/^sluice_limit_hits_total\{limit="read_timeout",port="proxy"\} 1$/m);
  });

  it('end at the service when the client goes before its answer', async () => {
    const socket = connect(port, host);
    socket.write(handshake('/shout/never', 'shout/1'));
    const service = await waitFor(() => waiting.pop(), { what: 'the request at the service' });
    const closed = once(service.resume(), 'end');
    socket.destroy();
    await closed;
  });

  it('stay through a change of their service, and are cut at drain_timeout', async () => {
    const draining = await start('--drain-timeout=1s');
    const tunnel = (await client(Number(new URL(draining.proxy).port))).send(handshake('/shout', 'shout/1'));
    await waitFor(() => tunnel.received.includes('hello'), { what: 'the switch' });
    const changed = services.map((service) => ({ ...service, retries: 1 }));
    const body = JSON.stringify({ _format_version: '3.0', services: changed });
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${draining.admin}/config`, { method: 'POST', body, headers })).status).to.equal(201);
    tunnel.send('still here');
    await waitFor(() => tunnel.received.endsWith('STILL HERE'), { what: 'the echo' });
    expect(await draining.stop()).to.equal(0);
    await waitFor(() => tunnel.closed || tunnel.ended, { what: 'the cut' });
    const line = draining.lines.find(({ event }) => event === 'drain_overdue');
    expect(line).to.include({ connections: 1 });
  });
});
