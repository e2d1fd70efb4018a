import { randomBytes } from 'node:crypto';
import { createFileSource, type DocumentPlace, type FileSource } from '../../../data-plane/source/file-source.ts';
import { startNode } from '../../../data-plane/main.ts';
import type { NodeOptions } from '../../../data-plane/node-options.ts';
import { entities } from '../../../shared/entities/entities.ts';
import type { RunningNode } from '../../../shared/lifecycle.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import type { TargetHealths } from '../../../shared/target-health.ts';
import type { ListenAddress } from '../../../shared/settings/setting-values.ts';
import { createAdminServer, type AdminSettings } from '../../admin/admin-server.ts';
import { localTargetHealth } from '../../admin/local-target-health.ts';
import { adminTlsOf, type AdminTlsFiles } from '../../admin/admin-tls.ts';
import { type ProxyAddress, proxyAddressesOf } from '../../admin/info-routes.ts';
import type { DeclarativeConfig } from '../../admin/declarative-config.ts';
import type { TryHere } from '../../admin/try-routes.ts';
import { createSnapshotStore } from '../../store/snapshot-store.ts';

/** The key of masks lives as long as the process: masks of one node tell nothing on another. */
const maskKeyBytes = 32;

export interface DblessOptions {
  /** The file or the text that holds the configuration. */
  readonly document: DocumentPlace;
  readonly adminListen: ListenAddress;
  readonly admin: Omit<AdminSettings, 'listen' | 'role' | 'tls'>;
  /** HTTPS. */
  readonly adminTlsFiles?: AdminTlsFiles;
  readonly node: Omit<NodeOptions, 'role' | 'otherAddresses'>;
}

/**
 * A node that serves a declarative file. Its Admin API only reads, but for `POST /config`, which replaces everything at
 * once. Rejects when the file has a fault.
 */
export async function startDbless(options: DblessOptions): Promise<RunningNode> {
  const { document, node: nodeOptions } = options;
  const { logger } = nodeOptions;
  const maskKey = randomBytes(maskKeyBytes);
  const source = createFileSource({ place: document, logger, maskKey });
  const adminAddresses: Record<string, string> = {};
  const otherAddresses = () => adminAddresses;
  let targets: TargetHealths | undefined;
  const node = await startNode({ ...nodeOptions, role: 'dbless', otherAddresses }, (deps) => {
    targets = deps.targets;
    return source;
  });
  try {
    const proxyAddresses = proxyAddressesOf(node.addresses);
    const parts = {
      source,
      maskKey,
      addresses: adminAddresses,
      proxyAddresses,
      tryHere: node.runTrial,
      targets: () => targets,
    };
    const stopAdmin = await startAdmin(options, parts);
    return {
      addresses: { ...adminAddresses, ...node.addresses },
      ready: node.ready,
      async stop() {
        try {
          await stopAdmin();
        } finally {
          await node.stop();
        }
      },
    };
  } catch (error) {
    await node.stop();
    throw error;
  }
}

interface AdminParts {
  readonly source: FileSource;
  readonly maskKey: Buffer;
  /** Gets the address of the Admin API. */
  readonly addresses: Record<string, string>;
  readonly proxyAddresses: readonly ProxyAddress[];
  /** Runs sample requests on the node. */
  readonly tryHere: TryHere | undefined;
  /** The health of the node's targets. */
  readonly targets: () => TargetHealths | undefined;
}

/** Returns what stops it. */
async function startAdmin(
  { adminListen, admin, adminTlsFiles, node: { logger } }: DblessOptions,
  { source, maskKey, addresses, proxyAddresses, tryHere, targets }: AdminParts,
): Promise<() => Promise<void>> {
  if (adminListen === 'off') return async () => undefined;
  const server = createAdminServer({
    store: createSnapshotStore({
      nodeId: source.nodeId,
      entities,
      current: () => source.current()?.entities ?? {},
    }),
    entities,
    plugins: pluginSchemas,
    logger,
    declarative: fileConfig(source),
    maskKey,
    targetHealth: localTargetHealth(source.nodeId, targets),
    syncGate: { waitApplied: async () => 'applied; nodes=1' },
    proxyAddresses: () => proxyAddresses,
    ...(tryHere && { tryHere }),
    configurationHash: () => source.current()?.hash,
    settings: {
      ...admin,
      listen: adminListen,
      role: 'dbless',
      ...(adminTlsFiles && { tls: adminTlsOf(adminTlsFiles) }),
    },
  });
  addresses['admin'] = await server.start();
  return () => server.stop();
}

function fileConfig(source: FileSource): DeclarativeConfig {
  const etag = () => source.current()?.etag ?? '""';
  return {
    read: () => ({ entities: source.current()?.entities ?? {}, etag: etag() }),
    etag,
    writable: async () => undefined,
    async load(request) {
      const result = await source.load(request);
      // The node runs it when it is loaded: there is nothing left to wait for, which the gate above says.
      return result.kind === 'loaded' ? { ...result, revision: 0 } : result;
    },
  };
}
