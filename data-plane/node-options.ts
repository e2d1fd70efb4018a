import type { Registry } from 'prom-client';
import type { ClusterFiles } from '../shared/cluster-tls.ts';
import type { Logger, LogLevel } from '../shared/log.ts';
import type { ListenAddress, OptionalListenAddress } from '../shared/settings/setting-values.ts';
import type { KafkaClientName } from './kafka/producers.ts';
import type { NodeMemory } from './kafka/queue-bounds.ts';
import type { KeyClaims } from './plugin-api/answered-keys.ts';
import type { ListenerBounds } from './proxy/listener-limits.ts';
import type { RunTrial } from './source/sync-stream.ts';

/** The settings of a node of any role that serves, checked and in their units. */
export interface NodeOptions {
  readonly role: 'data_plane' | 'traditional' | 'dbless';
  readonly proxyListen: ListenAddress;
  /** Left out: off. A node does without its default where the port is in use. */
  readonly proxyListenTls?: OptionalListenAddress;
  readonly statusListen: ListenAddress;
  readonly kafkaClient: KafkaClientName;
  readonly requestBodyMaxBytes: number;
  readonly producerMemoryMaxBytes: number;
  readonly trustedIps: readonly string[];
  /** The defaults of the settings where left out. */
  readonly bounds?: Partial<ListenerBounds>;
  readonly accessLog?: 'off' | 'errors' | 'all';
  /** Adds Kong's `X-Kong-*-Latency` headers to answers. */
  readonly latencyHeaders?: boolean;
  /** Bounds the variables that a `{vault://env/NAME}` reference reads; without it all but the settings of Sluice. */
  readonly vaultEnvPrefix?: string;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  readonly sluiceVersion: string;
  readonly logger: Logger;
  /** Resolves `{vault://env/NAME}` references; the environment of the process by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Further addresses for `/status`, where another part of the process listens too. */
  readonly otherAddresses?: () => Readonly<Record<string, string>>;
  /** The processes that share the ports; 1 by default, and then this process is the node. */
  readonly workers?: number;
  /** How worker processes log. */
  readonly workerLog?: { readonly level: LogLevel; readonly format: 'json' | 'pretty' };
  /** The share of a worker in producerMemoryMaxBytes. */
  readonly producerMemory?: NodeMemory;
  /** The idempotency keys of all workers. */
  readonly answeredKeys?: KeyClaims;
  /** The registry of the whole process, which holds the default metrics already. */
  readonly metrics?: Registry;
}

/** The settings of a data plane. */
export interface DataPlaneOptions extends Omit<NodeOptions, 'role'> {
  /** `host:port` of each control plane, tried in turn. */
  readonly controlPlanes: readonly string[];
  /** Files for mTLS; without them the connection is plaintext. */
  readonly clusterFiles?: ClusterFiles;
  /** Folder of the node id and the last good snapshot. */
  readonly dataDir: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Takes the configuration of another database than before. */
  readonly adoptDatabase?: boolean;
  /** A declarative file to start from while there is no cached configuration. */
  readonly declarativeConfig?: string;
}

/** A running node that serves. */
export interface DataPlane {
  /** `host:port` as bound, by listener: `proxy`, `status`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Resolves when the node is ready for the first time. */
  readonly ready: Promise<void>;
  /** Runs a sample request without sending anything; never rejects. Absent where the node runs none. */
  readonly runTrial?: RunTrial;
  /** Drains and closes everything, within drain_timeout. May be called more than once. */
  stop(): Promise<void>;
}
