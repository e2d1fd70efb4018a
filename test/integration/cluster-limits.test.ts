import { status as GrpcStatus } from '@grpc/grpc-js';
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Registry } from 'prom-client';
import { loadClusterTls } from '../../shared/cluster-tls.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { bytesField, openRawNode, type RawNode } from '../helpers/raw-node.ts';
import { recordingApply } from '../helpers/sync-fakes.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { tempFolder, type TempFolder } from '../helpers/temp-folder.ts';
import { testCertificate, writePair } from '../helpers/test-certificates.ts';
import { waitFor } from '../helpers/wait-for.ts';

const mib = 1024 * 1024;

describe('the limits of the cluster port', function () {
  this.timeout(30_000);
  let harness: SyncHarness;
  let folder: TempFolder;
  let metrics: Registry;
  let lines: Record<string, unknown>[];
  let logger: Logger;
  const sockets: Socket[] = [];
  const nodes: RawNode[] = [];
  beforeEach(async () => {
    harness = await SyncHarness.open();
    folder = await tempFolder();
    metrics = new Registry();
    lines = [];
    const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
    logger = createLogger({ level: 'info', format: 'json', write });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const node of nodes.splice(0)) node.close();
    await harness.close();
    await folder.remove();
  });

  const hits = async (limit: string): Promise<number> => {
    const { values } = (await metrics.getSingleMetric('sluice_limit_hits_total')?.get()) ?? { values: [] };
    return values.find(({ labels }) => labels['limit'] === limit && labels['port'] === 'cluster')?.value ?? 0;
  };
  const port = (): number => Number(harness.address.split(':')[1]);
  const open = async (): Promise<Socket> => {
    const socket = connect(port(), '127.0.0.1');
    sockets.push(socket);
    // Without a reader a socket would not see its end.
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    return socket;
  };
  const tlsOf = async () => {
    const { cert, key } = writePair(folder.path, 'pair', await testCertificate());
    return loadClusterTls({ cert, key, ca: undefined, serverName: undefined });
  };
  const node = (): RawNode => {
    const opened = openRawNode(harness.address);
    nodes.push(opened);
    return opened;
  };

  describe('drop a peer after handshake_timeout', () => {
    const connectionLimits = { connectionsMax: 100, handshakeMs: 300 };

    it('that sends nothing in plaintext', async () => {
      await harness.startControlPlane({ metrics, logger, connectionLimits });
      await once(await open(), 'close');
      expect(await hits('handshake_timeout')).to.equal(1);
      expect(lines.find(({ event }) => event === 'limit_hit')).to.include({
        limit: 'handshake_timeout',
        port: 'cluster',
      });
    });

    it('that does not begin TLS', async () => {
      await harness.startControlPlane({ metrics, logger, connectionLimits, tls: await tlsOf() });
      await once(await open(), 'close');
      expect(await hits('handshake_timeout')).to.equal(1);
    });

    it('that ends its TLS handshake and is silent then', async () => {
      const tls = await tlsOf();
      await harness.startControlPlane({ metrics, logger, connectionLimits, tls });
      const socket = connectTls({
        port: port(),
        host: '127.0.0.1',
        cert: tls.certPem,
        key: tls.keyPem,
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      });
      sockets.push(socket);
      socket.on('error', () => undefined).resume();
      await once(socket, 'close');
      expect(await hits('handshake_timeout')).to.equal(1);
    });

    it('that speaks HTTP/2 and opens no stream', async () => {
      await harness.startControlPlane({ metrics, logger, connectionLimits });
      const session = connectHttp2(`http://${harness.address}`);
      session.on('error', () => undefined);
      await once(session, 'close');
      expect(await hits('handshake_timeout')).to.equal(1);
    });

    it('that opens a stream and says no hello', async () => {
      await harness.startControlPlane({ metrics, logger, connectionLimits });
      const { code } = await node().ended;
      expect([GrpcStatus.UNAVAILABLE, GrpcStatus.DEADLINE_EXCEEDED]).to.include(code);
    });

    it('but not a welcomed node, and again when that has ended its stream', async () => {
      await harness.startControlPlane({ metrics, logger, connectionLimits });
      const good = harness.node();
      await good.start(recordingApply());
      await waitFor(() => harness.view(good.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
      // Silent peers come and go meanwhile, for longer than the limit.
      await once(await open(), 'close');
      await once(await open(), 'close');
      expect(good.status().connected).to.equal(true);
      const refused = openRawNode(harness.address);
      nodes.push(refused);
      refused.send({ hello: { nodeId: 'none', bootId: 'none' } });
      expect((await refused.ended).code).to.equal(GrpcStatus.INVALID_ARGUMENT);
      const before = await hits('handshake_timeout');
      await waitFor(async () => (await hits('handshake_timeout')) > before, { what: 'the idle connection dropped' });
    });
  });

  it('bound the connections, and leave room again when one closes', async () => {
    const connectionLimits = { connectionsMax: 3, handshakeMs: 20_000 };
    await harness.startControlPlane({ metrics, logger, connectionLimits });
    const [first] = [await open(), await open(), await open()];
    await once(await open(), 'close');
    await once(await open(), 'close');
    expect(await hits('connections_max')).to.equal(2);
    expect(lines.filter(({ event }) => event === 'limit_hit')).to.have.length(1);
    first?.destroy();
    const good = harness.node();
    await good.start(recordingApply());
    await waitFor(() => harness.view(good.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
  });

  describe('refuse a message', () => {
    const ids = () => [bytesField(1, Buffer.from(randomUUID())), bytesField(2, Buffer.from(randomUUID()))];
    const empty = Buffer.alloc(0);
    const many = (count: number, field: number) =>
      Buffer.concat(Array.from({ length: count }, () => bytesField(field, empty)));
    const messages: readonly (readonly [what: string, make: () => Buffer, reason: RegExp])[] = [
      ['of 16 MiB', () => bytesField(1, Buffer.alloc(16 * mib)), /larger than max \(\d+ vs\.? 4194304\)/],
      [
        'of 1,000,000 empty plugins',
        () => bytesField(1, Buffer.concat([...ids(), many(1_000_000, 6)])),
        /may have 50000 fields/,
      ],
      [
        'of 1,000,000 empty fields of a plugin',
        () => bytesField(1, Buffer.concat([...ids(), bytesField(6, many(1_000_000, 3))])),
        /may have 50000 fields/,
      ],
      ['of 1,000,000 empty faults', () => bytesField(3, many(1_000_000, 2)), /may have 50000 fields/],
      [
        'of a heartbeat over 64 KiB',
        () => bytesField(4, bytesField(2, Buffer.alloc(65 * 1024))),
        /heartbeat of a node may have 65536 bytes/,
      ],
    ];
    for (const [what, make, reason] of messages) {
      it(`${what}, with the reason and little memory`, async () => {
        await harness.startControlPlane({ metrics, logger });
        const message = make();
        const beforeBytes = process.memoryUsage().rss;
        let peakBytes = beforeBytes;
        const timer = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage().rss)), 5);
        const one = node();
        one.send({ hello: { nodeId: randomUUID(), bootId: randomUUID(), version: '0.1.0' } });
        one.send(message);
        const { code, details } = await one.ended;
        clearInterval(timer);
        expect(code).to.equal(GrpcStatus.RESOURCE_EXHAUSTED);
        expect(details).to.match(reason);
        // The bytes themselves lie in the buffers of both ends.
        expect(peakBytes - beforeBytes).to.be.below(8 * message.length + 48 * mib);
        expect(harness.server.clustering.status()).to.include({ connected: 0 });
      });
    }

    const hello = (changes: object) => ({
      hello: { nodeId: randomUUID(), bootId: randomUUID(), version: '0.1.0', ...changes },
    });
    const labelsOf = (count: number, chars: number) =>
      Object.fromEntries(Array.from({ length: count }, (_one, n) => [`label-${n}`, 'x'.repeat(chars)]));
    for (const [what, labels] of [
      ['65 labels', labelsOf(65, 1)],
      ['a label of 5,000 characters', labelsOf(1, 5_000)],
    ] as const) {
      it(`with ${what}, and keep no row`, async () => {
        await harness.startControlPlane({ metrics, logger });
        const one = node();
        one.send(hello({ labels }));
        expect(await one.ended).to.include({
          code: GrpcStatus.INVALID_ARGUMENT,
          details: 'A node may have 64 labels of 4096 characters in all',
        });
        expect(harness.server.clustering.listDataPlanes()).to.deep.equal([]);
      });
    }

    it('of a node without a row, while nodes that ran a configuration fill nodes_max', async () => {
      await harness.startControlPlane({ metrics, logger, nodesMax: 2 });
      const [kept] = [harness.node('kept'), harness.node('other')].map((each) => {
        void each.start(recordingApply());
        return each;
      });
      await waitFor(() => harness.server.clustering.listDataPlanes().every(({ state }) => state === 'in_sync'), {
        what: 'both in sync',
      });
      await waitFor(() => harness.server.clustering.status()['nodes'] === 2, { what: 'two rows' });
      const one = node();
      one.send(hello({}));
      expect(await one.ended).to.include({
        code: GrpcStatus.RESOURCE_EXHAUSTED,
        details: 'The control plane knows 2 nodes already, which is its setting nodes_max',
      });
      expect(await hits('nodes_max')).to.equal(1);
      expect(lines.some(({ event }) => event === 'nodes_exceeded')).to.equal(true);
      await kept?.stop();
      const { nodeId = '' } = kept ?? {};
      await waitFor(() => harness.view(nodeId)?.['state'] === 'offline', { what: 'offline' });
      expect(harness.server.clustering.forgetDataPlane(nodeId)).to.equal('forgotten');
      const next = node();
      next.send(hello({}));
      await waitFor(() => harness.server.clustering.status()['connected'] === 2, { what: 'room for another' });
    });

    it('of no invented id, but keep only nodes_max rows of them', async () => {
      await harness.startControlPlane({ nodesMax: 50 });
      const real = harness.node();
      await real.start(recordingApply());
      await waitFor(() => harness.view(real.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
      for (let sent = 0; sent < 120; sent += 30) {
        const batch = Array.from({ length: 30 }, () => openRawNode(harness.address));
        for (const each of batch) each.send(hello({}));
        await waitFor(() => Number(harness.server.clustering.status()['connected']) >= 20, {
          what: 'connected',
          timeoutMs: 60_000,
        });
        for (const each of batch) each.close();
        await waitFor(() => harness.server.clustering.status()['connected'] === 1, { what: 'gone', timeoutMs: 60_000 });
      }
      expect(harness.server.clustering.listDataPlanes().length).to.be.at.most(50);
      expect(harness.view(real.nodeId)?.['state']).to.equal('in_sync');
    });
  });
});
