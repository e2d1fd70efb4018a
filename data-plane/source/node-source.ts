import type { ConfigSource } from '../../shared/config-source.ts';

/** The origin of a node's configuration. */
export interface NodeSource extends ConfigSource {
  readonly nodeId: string;
  /** Whether a control plane is connected; absent where there is none to connect to. */
  isConnected?(): boolean;
  /** When the certificate of cluster_cert expires, in ms since 1970; absent where there is none. */
  readonly certificateValidToMs?: number | undefined;
  /** Returns the source's part of the body of `/status`: the origin of the configuration, and what was rejected. */
  describe(): Readonly<Record<string, unknown>>;
  /** Returns sentences about what fails although the node serves, such as a disk that is full. */
  problems?(): readonly string[];
}
