import type { Registry } from 'prom-client';
import type { ClusterFiles } from '../shared/cluster-tls.ts';
import type { Logger } from '../shared/log.ts';
import type { ListenAddress } from '../shared/settings/setting-values.ts';
import type { KafkaClientName } from './kafka/producers.ts';
import type { ListenerBounds } from './proxy/listener-limits.ts';

/** The settings of a node of any role that serves, checked and in their units. */
export interface NodeOptions {
  readonly role: 'data_plane' | 'traditional' | 'dbless';
  readonly proxyListen: ListenAddress;
  /** Off by default. */
  readonly proxyListenTls?: ListenAddress;
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
