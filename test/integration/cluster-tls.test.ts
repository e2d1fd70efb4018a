import { credentials, status as GrpcStatus } from '@grpc/grpc-js';
import { expect } from 'chai';
import { randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import { openDatabase } from '../../control-plane/store/database.ts';
import { startConfigSync } from '../../control-plane/sync/config-sync.ts';
import { loadClusterTls, type ClusterTls } from '../../shared/cluster-tls.ts';
import { ConfigSync } from '../../shared/proto.ts';
import { entities } from '../../shared/entities/entities.ts';
import { createLogger, silentLogger, type Logger } from '../../shared/log.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import { testCertificate, writePair, type TestCertificate } from '../helpers/test-certificates.ts';
import { recordingApply } from '../helpers/sync-fakes.ts';
import { SyncHarness } from '../helpers/sync-harness.ts';
import { tempFolder, type TempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface Line {
  readonly level: string;
  readonly event: string;
  readonly reason?: string;
}

function collect(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  // A border: lines of our own logger.
  const write = (line: string) => void lines.push(JSON.parse(line) as Line);
  return { lines, logger: createLogger({ level: 'debug', format: 'json', write }) };
}

describe('config sync over mutual TLS', function () {
  this.timeout(20_000);
  let harness: SyncHarness;
  let folder: TempFolder;
  let made = 0;
  beforeEach(async () => {
    harness = await SyncHarness.open();
    folder = await tempFolder();
  });
  afterEach(async () => {
    await harness.close();
    await folder.remove();
  });

  function tlsOf(
    pair: TestCertificate,
    pki?: { readonly ca: TestCertificate; readonly serverName?: string },
  ): ClusterTls {
    made += 1;
    const { cert, key } = writePair(folder.path, `pair-${made}`, pair);
    const ca = pki && writePair(folder.path, `ca-${made}`, pki.ca).cert;
    return loadClusterTls({ cert, key, ca, serverName: pki?.serverName });
  }

  async function connects(controlPlane: ClusterTls, node: ClusterTls, certificate: TestCertificate): Promise<void> {
    await harness.startControlPlane({ tls: controlPlane });
    const apply = recordingApply();
    const source = harness.node('n', { tls: node });
    await source.start(apply);
    await waitFor(() => harness.view(source.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
    expect(apply.hosts()).to.deep.equal(['first']);
    const parsed = new X509Certificate(certificate.certPem);
    expect(harness.view(source.nodeId)?.['cert_details']).to.deep.equal({
      expiry_timestamp: Date.parse(parsed.validTo) / 1000,
      subject: parsed.subject,
      digest: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    });
  }

  it('connects peers with the same pair', async () => {
    const pair = await testCertificate();
    await connects(tlsOf(pair), tlsOf(pair), pair);
  });

  it('connects peers whose different certificates chain to the CA, the control plane by its name', async () => {
    const ca = await testCertificate({ name: 'ca', isCa: true });
    const server = await testCertificate({ name: 'control.example', issuer: ca });
    const node = await testCertificate({ name: 'node-1', issuer: ca });
    await connects(tlsOf(server, { ca }), tlsOf(node, { ca, serverName: 'control.example' }), node);
  });

  describe('while the shared pair is changed', () => {
    let old: TestCertificate;
    let fresh: TestCertificate;
    const pair = (own: TestCertificate, next?: TestCertificate): ClusterTls => {
      made += 1;
      const files = writePair(folder.path, `own-${made}`, own);
      const nextFiles = next && writePair(folder.path, `next-${made}`, next);
      return loadClusterTls({ ...files, ca: undefined, serverName: undefined, ...(nextFiles && { next: nextFiles }) });
    };
    beforeEach(async () => {
      old = await testCertificate({ name: 'old' });
      fresh = await testCertificate({ name: 'fresh' });
    });

    const steps: readonly (readonly [title: string, controlPlane: () => ClusterTls, node: () => ClusterTls])[] = [
      ['the control plane trusts the new pair, the node does not yet', () => pair(old, fresh), () => pair(old)],
      ['the node trusts it, the control plane does not yet', () => pair(old), () => pair(old, fresh)],
      ['the control plane shows the new pair', () => pair(fresh, old), () => pair(old, fresh)],
      ['the node shows the new pair', () => pair(old, fresh), () => pair(fresh, old)],
      ['the control plane no longer trusts the old pair', () => pair(fresh), () => pair(fresh, old)],
      ['the node no longer trusts the old pair', () => pair(fresh, old), () => pair(fresh)],
    ];
    for (const [title, controlPlane, nodeTls] of steps) {
      it(`connects peers: ${title}`, async () => {
        await harness.startControlPlane({ tls: controlPlane() });
        const node = harness.node('n', { tls: nodeTls() });
        await node.start(recordingApply());
        await waitFor(() => harness.view(node.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
      });
    }

    it('still refuses a third pair', async () => {
      await harness.startControlPlane({ tls: pair(old, fresh) });
      const { code, details } = await careless(await testCertificate({ name: 'third' }));
      expect(code).to.equal(GrpcStatus.UNAUTHENTICATED);
      expect(details).to.match(/its certificate is not the shared one$/);
    });

    it('keeps the cache readable, and encrypts it with the new key', async () => {
      await harness.startControlPlane({ tls: pair(old, fresh) });
      const first = harness.node('n', { tls: pair(old, fresh) });
      await first.start(recordingApply());
      await waitFor(() => harness.view(first.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
      await first.stop();
      await harness.stopControlPlane();
      for (const tls of [pair(fresh, old), pair(fresh)]) {
        const node = harness.node('n', { tls });
        const apply = recordingApply();
        await node.start(apply);
        expect(apply.hosts()).to.deep.equal(['first']);
        await node.stop();
      }
    });
  });

  it('binds a node id to the subject that first used it, until the node is forgotten', async () => {
    const ca = await testCertificate({ name: 'ca', isCa: true });
    const [server, mine, thief, renewed] = await Promise.all([
      testCertificate({ name: 'control.example', issuer: ca }),
      testCertificate({ name: 'node-1', issuer: ca }),
      testCertificate({ name: 'node-2', issuer: ca }),
      testCertificate({ name: 'node-1', issuer: ca }),
    ]);
    const { lines, logger } = collect();
    await harness.startControlPlane({ tls: tlsOf(server, { ca }), logger });
    const nodeOf = (certificate: TestCertificate, log?: Logger) =>
      harness.node('n', {
        tls: tlsOf(certificate, { ca, serverName: 'control.example' }),
        ...(log && { logger: log }),
      });
    const inSync = async (node: ReturnType<typeof nodeOf>): Promise<void> => {
      await node.start(recordingApply());
      await waitFor(() => node.status().connected && harness.view(node.nodeId)?.['state'] === 'in_sync', {
        what: 'in sync',
      });
      await node.stop();
      await waitFor(() => harness.view(node.nodeId)?.['state'] === 'offline', { what: 'offline' });
    };
    await inSync(nodeOf(mine));
    await inSync(nodeOf(renewed));
    // The binding is in the row, so that a restart keeps it.
    await harness.stopControlPlane();
    await harness.startControlPlane({ tls: tlsOf(server, { ca }), logger });
    const told = collect();
    const other = nodeOf(thief, told.logger);
    await other.start(recordingApply());
    const away = () => told.lines.find(({ event }) => event === 'control_plane_away');
    await waitFor(() => away(), { what: 'the refusal' });
    expect(away()?.reason).to.equal(`Node ${other.nodeId} belongs to the certificate CN=node-1`);
    expect(lines.find(({ event }) => event === 'node_certificate_changed')).to.include({ level: 'error' });
    expect(harness.view(other.nodeId)?.['state']).to.equal('offline');
    expect(harness.server.clustering.forgetDataPlane(other.nodeId)).to.equal('forgotten');
    await waitFor(() => harness.view(other.nodeId)?.['state'] === 'in_sync', { what: 'the new owner' });
  });

  it('accepts a node again after a restart of the control plane', async () => {
    const pair = await testCertificate();
    await harness.startControlPlane({ tls: tlsOf(pair) });
    const node = harness.node('m', { tls: tlsOf(pair) });
    await node.start(recordingApply());
    await waitFor(() => harness.view(node.nodeId)?.['state'] === 'in_sync', { what: 'in sync' });
    await harness.stopControlPlane();
    await waitFor(() => !node.status().connected, { what: 'disconnected' });
    await harness.startControlPlane({ tls: tlsOf(pair) });
    await waitFor(() => harness.view(node.nodeId)?.['state'] === 'in_sync', { what: 'in sync again' });
  });

  type Case = readonly [
    title: string,
    make: () => Promise<{ readonly controlPlane: ClusterTls | undefined; readonly node: ClusterTls | undefined }>,
    /** The reason in the log of the node. */ node: RegExp,
    /** The reason in the log of the control plane, where it can know one. */ controlPlane: RegExp | undefined,
  ];
  const cases: readonly Case[] = [
    [
      'another pair',
      async () => ({ controlPlane: tlsOf(await testCertificate()), node: tlsOf(await testCertificate()) }),
      /^The certificate of the control plane is not trusted/,
      /^it ended the TLS handshake/,
    ],
    [
      'a pair that expired',
      async () => {
        const pair = await testCertificate({ days: -1 });
        return { controlPlane: tlsOf(pair), node: tlsOf(pair) };
      },
      /^The certificate of the control plane has expired$/,
      /^it ended the TLS handshake/,
    ],
    [
      'a node of another CA',
      async () => {
        const ca = await testCertificate({ name: 'ca', isCa: true });
        const other = await testCertificate({ name: 'ca', isCa: true });
        return {
          controlPlane: tlsOf(await testCertificate({ name: 'cp', issuer: ca }), { ca }),
          node: tlsOf(await testCertificate({ issuer: other }), { ca, serverName: 'cp' }),
        };
      },
      /refuses this node: its certificate does not chain to cluster_ca/,
      /^its certificate does not chain to cluster_ca/,
    ],
    [
      'a node whose certificate expired',
      async () => {
        const ca = await testCertificate({ name: 'ca', isCa: true });
        return {
          controlPlane: tlsOf(await testCertificate({ name: 'cp', issuer: ca }), { ca }),
          node: tlsOf(await testCertificate({ issuer: ca, days: -1 }), { ca, serverName: 'cp' }),
        };
      },
      /refuses this node: its certificate has expired$/,
      /^its certificate has expired$/,
    ],
    [
      'a control plane of another CA',
      async () => {
        const ca = await testCertificate({ name: 'ca', isCa: true });
        const other = await testCertificate({ name: 'other', isCa: true });
        return {
          controlPlane: tlsOf(await testCertificate({ name: 'cp', issuer: other }), { ca }),
          node: tlsOf(await testCertificate({ issuer: ca }), { ca, serverName: 'cp' }),
        };
      },
      /^The certificate of the control plane is not trusted/,
      /^it ended the TLS handshake/,
    ],
    [
      'a control plane of another name',
      async () => {
        const ca = await testCertificate({ name: 'ca', isCa: true });
        return {
          controlPlane: tlsOf(await testCertificate({ name: 'node-7', issuer: ca }), { ca }),
          node: tlsOf(await testCertificate({ issuer: ca }), { ca, serverName: 'cp' }),
        };
      },
      /does not bear cluster_server_name$/,
      /^it ended the TLS handshake/,
    ],
    [
      'a node without TLS',
      async () => ({ controlPlane: tlsOf(await testCertificate()), node: undefined }),
      /is one side without TLS/,
      /^it does not speak TLS$/,
    ],
    [
      'a control plane without TLS',
      async () => ({ controlPlane: undefined, node: tlsOf(await testCertificate()) }),
      /^The control plane does not speak TLS here$/,
      undefined,
    ],
  ];
  for (const [title, make, nodeReason, controlPlaneReason] of cases) {
    it(`refuses ${title}, and each side says so once`, async () => {
      const tls = await make();
      const here = collect();
      const there = collect();
      await harness.startControlPlane({ logger: there.logger, ...(tls.controlPlane && { tls: tls.controlPlane }) });
      const node = harness.node('n', { logger: here.logger, ...(tls.node && { tls: tls.node }) });
      await node.start(recordingApply());
      const attempts = () => here.lines.filter(({ event }) => event === 'control_plane_away');
      await waitFor(() => attempts().length >= 4, { what: 'four attempts' });
      expect(new Set(attempts().map(({ reason }) => reason)).size).to.equal(1);
      expect(attempts()[0]?.reason).to.match(nodeReason);
      expect(attempts().map(({ level }) => level === 'warn')).to.deep.equal(
        attempts().map((_line, index) => index === 0),
      );
      const refused = () => there.lines.filter(({ event }) => event === 'node_refused');
      if (controlPlaneReason !== undefined) await waitFor(() => refused().length > 1, { what: 'the second refusal' });
      expect(refused().filter(({ level }) => level !== 'debug')).to.have.length(
        controlPlaneReason === undefined ? 0 : 1,
      );
      for (const { reason } of refused()) expect(reason).to.match(controlPlaneReason ?? /never/);
      expect(harness.view(node.nodeId)).to.equal(undefined);
    });
  }

  /** A peer that takes any control plane. */
  function careless(pair: TestCertificate | undefined): Promise<{ code: number; details: string }> {
    const certificate = pair && { cert: pair.certPem, key: pair.keyPem };
    const client = new ConfigSync(
      harness.address,
      credentials.createFromSecureContext(createSecureContext(certificate), { rejectUnauthorized: false }),
      { 'grpc.ssl_target_name_override': 'x' },
    );
    const call = client.Connect();
    call.on('error', () => undefined);
    call.on('data', () => call.cancel());
    call.write({ hello: { nodeId: randomUUID(), bootId: randomUUID() } });
    return new Promise((resolve) => {
      call.on('status', ({ code, details }) => {
        client.close();
        resolve({ code, details });
      });
    });
  }

  it('serves nobody who does not hold the shared certificate itself', async () => {
    const shared = await testCertificate({ name: 'shared' });
    await harness.startControlPlane({ tls: tlsOf(shared) });
    const rows = [
      [await testCertificate({ name: 'shared' }), /its certificate is not the shared one$/],
      [await testCertificate({ name: 'leaf', issuer: shared }), /its certificate is not the shared one$/],
      [undefined, /it shows no certificate$/],
    ] as const;
    for (const [pair, reason] of rows) {
      const { code, details } = await careless(pair);
      expect(code).to.equal(GrpcStatus.UNAUTHENTICATED);
      expect(details).to.match(reason);
    }
    expect((await careless(shared)).code).to.equal(GrpcStatus.CANCELLED);
  });

  it('serves nobody without a certificate of the CA', async () => {
    const ca = await testCertificate({ name: 'ca', isCa: true });
    await harness.startControlPlane({ tls: tlsOf(await testCertificate({ issuer: ca }), { ca }) });
    const rows = [
      [await testCertificate(), /does not chain to cluster_ca/],
      [undefined, /it shows no certificate$/],
    ] as const;
    for (const [pair, reason] of rows) {
      const { code, details } = await careless(pair);
      expect(code).to.equal(GrpcStatus.UNAUTHENTICATED);
      expect(details).to.match(reason);
    }
  });

  it('stops while a peer is in the middle of its handshake', async () => {
    const { address = '' } = await harness.startControlPlane({ tls: tlsOf(await testCertificate()) });
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    await harness.stopControlPlane();
    await closed;
  });

  it('names the address that cannot be bound', async () => {
    const tls = tlsOf(await testCertificate());
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const bound = taken.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const database = openDatabase({ path: ':memory:' });
    const outcome = await startConfigSync({
      reader: harness.reader,
      database,
      listen: { host: '127.0.0.1', port },
      tls,
      nodePurgeAfterMs: 1_000,
      entities,
      plugins: pluginSchemas,
      logger: silentLogger(),
    }).then(
      () => 'it started',
      (error: unknown) => (error instanceof Error ? error.message : ''),
    );
    taken.close();
    database.close();
    expect(outcome).to.match(new RegExp(`^Cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`));
  });
});
