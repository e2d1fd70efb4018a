import type { ConfigSource } from '../../shared/config-source.ts';

/** Where a node has its configuration from, and what the node says of that. */
export interface NodeSource extends ConfigSource {
  readonly nodeId: string;
  /** Part of the body of `/status`: where the configuration came from, and what was refused. */
  describe(): Readonly<Record<string, unknown>>;
}
