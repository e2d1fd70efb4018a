import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase, type Database } from '../../control-plane/store/database.ts';
import type { ConnectionLimits } from '../../control-plane/sync/connection-guard.ts';
import { startConfigSync, type RunningConfigSync } from '../../control-plane/sync/config-sync.ts';
import { knownSchemas } from '../../data-plane/source/known-schemas.ts';
import { createSyncSource } from '../../data-plane/source/sync-source.ts';
import type { SyncSource, SyncSourceOptions } from '../../data-plane/source/sync-source-types.ts';
import { entities } from '../../shared/entities/entities.ts';
import type { ClusterTls } from '../../shared/cluster-tls.ts';
import { silentLogger, type Logger } from '../../shared/log.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import type { Registry } from 'prom-client';
import { FakeReader, oneService } from './sync-fakes.ts';
import { tempFolder, type TempFolder } from './temp-folder.ts';

const defaultTimings = { heartbeatMs: 200, silenceMs: 600 };

/** A publisher with nodes, over real gRPC, in one process. `close` ends all that was started. */
export class SyncHarness {
  readonly reader = new FakeReader(oneService('first'));
  readonly #database: Database = openDatabase({ path: ':memory:' });
  readonly #folder: TempFolder;
  readonly #sources: SyncSource[] = [];
  #running: RunningConfigSync | undefined;
  #port = 0;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async open(): Promise<SyncHarness> {
    return new SyncHarness(await tempFolder());
  }

  get server(): RunningConfigSync {
    if (this.#running === undefined) throw new Error('The control plane is not started');
    return this.#running;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  dataDir(name: string): string {
    return join(this.#folder.path, name);
  }

  /** Starts the control plane; again on the same port after a stop. */
  async startControlPlane(
    options: {
      timings?: typeof defaultTimings;
      metrics?: Registry;
      version?: string;
      tls?: ClusterTls;
      logger?: Logger;
      nodesMax?: number;
      databaseId?: string;
      connectionLimits?: ConnectionLimits;
    } = {},
  ) {
    const { timings = defaultTimings, metrics, version, tls, logger = silentLogger() } = options;
    const { nodesMax, databaseId, connectionLimits } = options;
    this.#running = await startConfigSync({
      reader: this.reader,
      database: this.#database,
      listen: { host: '127.0.0.1', port: this.#port },
      nodePurgeAfterMs: 14 * 86_400_000,
      entities,
      plugins: pluginSchemas,
      logger,
      timings,
      nodesMax,
      ...(databaseId !== undefined && { databaseId }),
      ...(connectionLimits && { connectionLimits }),
      ...(tls && { tls }),
      ...(metrics && { metrics }),
      ...(version !== undefined && { version }),
    });
    this.#port = Number(this.#running.address?.split(':')[1]);
    return this.#running;
  }

  async stopControlPlane(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** A node that is not started yet. */
  node(name: string = randomUUID(), options: Partial<SyncSourceOptions> = {}): SyncSource {
    const source = createSyncSource({
      controlPlanes: [this.address],
      dataDir: this.dataDir(name),
      nodeLabels: { zone: 'a' },
      version: '0.1.0',
      knows: knownSchemas(entities, pluginSchemas),
      counters: () => ({ requestsTotal: 0, clusters: [] }),
      logger: silentLogger(),
      backoff: { firstMs: 20, maxMs: 50 },
      ...options,
    });
    this.#sources.push(source);
    return source;
  }

  view(nodeId: string): Readonly<Record<string, unknown>> | undefined {
    return this.#running?.clustering.getDataPlane(nodeId);
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.stop()));
    await this.stopControlPlane();
    this.#database.close();
    await this.#folder.remove();
  }
}
