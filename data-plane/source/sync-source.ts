import type { BackoffLimits } from '../../shared/backoff.ts';
import type { Apply, ApplyResult } from '../../shared/config-source.ts';
import { Rerun } from '../../shared/rerun.ts';
import { stackOf } from '../../shared/log.ts';
import type { WireSnapshot } from '../../shared/snapshot-wire.ts';
import { CacheWriter } from './cache-writer.ts';
import { FollowedDatabase } from './followed-database.ts';
import { keepConnected } from './keep-connected.ts';
import { KeptConfig } from './kept-config.ts';
import { loadNodeIdentity, type NodeIdentity } from './node-identity.ts';
import { createSnapshotCache, type SnapshotCache } from './snapshot-cache.ts';
import type { ReceivedSnapshot, TransferError } from './snapshot-receiver.ts';
import { syncCredentials, type SyncCredentials } from './sync-credentials.ts';
import { type StreamEnd, SyncStream } from './sync-stream.ts';
import type { ConfigOrigin, SyncSource, SyncSourceOptions, SyncStatus } from './sync-source-types.ts';
import { toldFaults } from './told-faults.ts';
import { unpackReceived } from './unpack-received.ts';
import { withinTime } from '../../shared/within-time.ts';

const defaultBackoff: BackoffLimits = { firstMs: 500, maxMs: 15_000 };
/** How long a stop waits for an apply that is under way. */
const stopMs = 5_000;

/**
 * Makes the source that follows control planes over streams. The last good configuration is kept on disk for the time that
 * none answers. Throws when the data folder cannot be used.
 */
export function createSyncSource(options: SyncSourceOptions): SyncSource {
  const { dataDir, tls, logger } = options;
  const cache = createSnapshotCache({ dataDir, logger, ...(tls && { keys: tls.cacheKeys }) });
  const source = new StreamedSource(options, loadNodeIdentity({ dataDir }), cache);
  return {
    nodeId: source.identity.nodeId,
    start: (apply) => source.start(apply),
    stop: () => source.stop(),
    status: () => source.status(),
    describe: () => source.describe(),
    isConnected: () => source.isConnected,
    certificateValidToMs: options.tls?.validToMs,
    problems: () => source.problems(),
  };
}

class StreamedSource {
  readonly identity: NodeIdentity;
  readonly #options: SyncSourceOptions;
  readonly #kept: KeptConfig;
  readonly #credentials: SyncCredentials;
  readonly #stopping = new AbortController();
  #started: Promise<void> | undefined;
  #connecting: Promise<void> | undefined;
  #worker: Rerun | undefined;
  /** The running configuration, from which deltas start. */
  #running: WireSnapshot | undefined;
  /** The newest snapshot that waits for the apply under way; a newer one replaces it. */
  #pending: ReceivedSnapshot | undefined;
  #stream: SyncStream | undefined;
  #status: SyncStatus = {
    connected: false,
    controlPlane: undefined,
    hash: undefined,
    source: undefined,
    appliedAtMs: undefined,
    applyMs: undefined,
    rejected: undefined,
    rejects: 0,
  };

  constructor(options: SyncSourceOptions, identity: NodeIdentity, cache: SnapshotCache) {
    if (options.controlPlanes.length === 0) throw new Error('No control plane is named');
    this.identity = identity;
    this.#options = options;
    const { logger, cacheRetry, adoptDatabase = false } = options;
    this.#kept = new KeptConfig({
      cache,
      database: new FollowedDatabase({ adoptAll: adoptDatabase, logger }),
      writer: new CacheWriter({ cache, logger, ...(cacheRetry && { retry: cacheRetry }) }),
    });
    this.#credentials = syncCredentials(options.tls);
  }

  status(): SyncStatus {
    return this.#status;
  }

  get isConnected(): boolean {
    return this.#status.connected;
  }

  describe(): Readonly<Record<string, unknown>> {
    const { connected, controlPlane, source, rejected } = this.#status;
    return {
      control_plane: {
        connected,
        address: controlPlane ?? null,
        source: source ?? null,
        rejected: rejected ?? null,
        database_id: this.#kept.database?.id ?? null,
        cache: { error: this.#kept.fault ?? null },
      },
    };
  }

  problems(): readonly string[] {
    const { fault } = this.#kept;
    return fault === undefined ? [] : [`the running configuration is not on disk: ${fault}`];
  }

  /** Resolves when the cached configuration was applied. The stream opens after that, so that its hello names the hash. */
  start(apply: Apply): Promise<void> {
    this.#started ??= this.#start(apply);
    return this.#started;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#pending = undefined;
    this.#stream?.close();
    await this.#connecting;
    const written = Promise.all([this.#started, this.#worker?.idle(), this.#kept.stop()]);
    await withinTime(written, stopMs, () => undefined);
  }

  async #start(apply: Apply): Promise<void> {
    // The order is: the cache, then the declarative file, then no configuration.
    await this.#applyFirst(apply, 'cache', () => this.#kept.load());
    const { seed } = this.#options;
    if (this.#running === undefined && seed !== undefined) await this.#applyFirst(apply, 'declarative_config', seed);
    this.#worker = new Rerun(() => this.#work(apply));
    if (!this.#stopping.signal.aborted) this.#connecting = this.#keepConnected();
  }

  async #applyFirst(apply: Apply, source: ConfigOrigin, load: () => Promise<WireSnapshot | undefined>): Promise<void> {
    const wire = await load();
    if (wire === undefined || this.#stopping.signal.aborted) return;
    const result = await this.#apply(apply, wire, source);
    if (result.kind === 'applied') return;
    this.#options.logger.warn('cache_refused', 'The configuration on disk cannot be applied', {
      source,
      hash: wire.snapshot.hash,
      faults: result.faults.slice(0, 20),
    });
  }

  #keepConnected(): Promise<void> {
    const { controlPlanes, backoff = defaultBackoff, logger } = this.#options;
    const { signal } = this.#stopping;
    return keepConnected({ controlPlanes, backoff, runStream: (address) => this.#runStream(address), signal, logger });
  }

  #runStream(address: string): Promise<StreamEnd> {
    const {
      nodeLabels,
      version,
      knows,
      counters,
      destinations,
      traffic,
      runTrial,
      targets,
      logger,
      welcomeMs = 10_000,
    } = this.#options;
    const { nodeId, bootId, hostname } = this.identity;
    const { hash = '', rejected } = this.#status;
    const lastRejected = rejected && { hash: rejected.hash, faults: toldFaults(rejected.faults) };
    this.#status = { ...this.#status, controlPlane: address };
    return new Promise((resolve) => {
      this.#stream = new SyncStream({
        address,
        credentials: this.#credentials,
        hello: {
          nodeId,
          bootId,
          hostname,
          version,
          labels: nodeLabels,
          ...knows,
          hash,
          deltas: true,
          databaseId: this.#kept.database?.id ?? '',
          revision: this.#kept.database?.revision ?? 0,
          destinations: destinations !== undefined,
          tries: runTrial !== undefined,
          targetHealth: targets !== undefined,
          ...(lastRejected && { lastRejected }),
        },
        counters,
        destinations,
        traffic,
        runTrial,
        targets,
        runningHash: () => this.#status.hash ?? '',
        refusal: (start) => this.#kept.refusal(start),
        welcomeMs,
        logger,
        onWelcome: ({ databaseId }) => {
          this.#status = { ...this.#status, connected: true };
          this.#meet(databaseId);
          logger.info('control_plane_connected', 'The node follows a control plane', {
            control_plane: address,
          });
        },
        onSnapshot: (received) => {
          this.#pending = received;
          this.#worker?.start();
        },
        onBrokenTransfer: (error) => this.#transferBroken(error),
        onEnd: (end) => {
          this.#stream = undefined;
          this.#status = { ...this.#status, connected: false };
          resolve(end);
        },
      });
    });
  }

  /** Applies pending snapshots, one after the other. Each answer goes to the stream that is open when it is known. */
  async #work(apply: Apply): Promise<void> {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      const { hash } = next;
      if (hash === this.#status.hash && this.#running !== undefined) {
        await this.#kept.runsAlready(next, this.#running);
        this.#status = { ...this.#status, rejected: undefined };
        this.#stream?.ack(hash, 0);
        continue;
      }
      const unpacked = await unpackReceived(next, this.#running);
      if (unpacked.kind === 'misfit') {
        this.#options.logger.warn('delta_misfit', 'A delta does not fit; the node asks for the whole configuration', {
          hash,
          reason: unpacked.reason,
        });
        this.#requestSnapshot(hash);
        continue;
      }
      const result =
        unpacked.kind === 'damaged'
          ? this.#rejected(hash, unpacked.reason)
          : await this.#apply(apply, unpacked.wire, 'control_plane');
      if (unpacked.kind === 'whole' && result.kind === 'applied') {
        await this.#kept.applied(next, unpacked.body);
        this.#stream?.ack(hash, result.applyMs);
      }
      if (result.kind === 'rejected') this.#stream?.reject(hash, result.faults);
    }
  }

  #meet(databaseId: string): void {
    const { source, rejected } = this.#status;
    // What a file gave belongs to no database before one gives the same.
    if (this.#running !== undefined && source !== 'declarative_config') this.#kept.meet(databaseId, this.#running);
    if (rejected !== undefined && !this.#kept.stands(rejected.faults, databaseId))
      this.#status = { ...this.#status, rejected: undefined };
  }

  #transferBroken({ hash, isDelta, message }: TransferError): void {
    if (isDelta) return this.#requestSnapshot(hash);
    const result = this.#rejected(hash, message);
    if (result.kind === 'rejected') this.#stream?.reject(hash, result.faults);
  }

  #take(): ReceivedSnapshot | undefined {
    const next = this.#pending;
    this.#pending = undefined;
    return next;
  }

  #requestSnapshot(hash: string): void {
    this.#stream?.requestSnapshot(hash, this.#status.hash ?? '');
  }

  async #apply(apply: Apply, wire: WireSnapshot, source: ConfigOrigin): Promise<ApplyResult> {
    const { snapshot } = wire;
    const { hash } = snapshot;
    let result: ApplyResult;
    try {
      result = await apply(snapshot);
    } catch (error) {
      // A bug of the node. The control plane must learn that the version does not run here, or it would wait for ever.
      this.#options.logger.error('internal_error', 'Applying a configuration failed', {
        hash,
        error: stackOf(error),
      });
      return this.#rejected(hash, 'An unexpected error occurred; see the log of the node');
    }
    if (result.kind === 'rejected') {
      const rejected = { hash, faults: result.faults };
      this.#status = { ...this.#status, rejected, rejects: this.#status.rejects + 1 };
      return result;
    }
    const { applyMs } = result;
    this.#running = wire;
    this.#status = { ...this.#status, hash, source, appliedAtMs: Date.now(), applyMs, rejected: undefined };
    return result;
  }

  /** Refuses what never came to be applied. A configuration that has faults is logged where it is built. */
  #rejected(hash: string, message: string): ApplyResult {
    const faults = [{ entityType: 'snapshot', entityId: '', entityName: '', path: '', message }];
    this.#options.logger.error('config_rejected', 'A configuration cannot be used; the old one keeps running', {
      hash,
      faults,
    });
    this.#status = { ...this.#status, rejected: { hash, faults }, rejects: this.#status.rejects + 1 };
    return { kind: 'rejected', faults };
  }
}
