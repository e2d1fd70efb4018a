import { type ClusterNames, clusterNames, type ClusterUser, clusterWarningText } from '../../shared/cluster-names.ts';
import type { Logger } from '../../shared/log.ts';

/** The names of the Kafka clusters of the configuration that is live. */
export class ClusterNaming {
  readonly #logger: Logger;
  #names: ClusterNames = clusterNames([]);
  #warnings: readonly string[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Returns the name of the cluster that a config uses; undefined: it uses none. */
  nameOf(config: unknown): string | undefined {
    return this.#names.nameOf(config);
  }

  /** Sentences about names that an operator should mend. */
  warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Takes the plugins of a configuration that has become live. New warnings are logged. */
  use(plugins: Iterable<ClusterUser>): void {
    this.#names = clusterNames(plugins);
    const before = new Set(this.#warnings);
    this.#warnings = this.#names.warnings.map(clusterWarningText);
    for (const warning of this.#warnings) {
      if (!before.has(warning)) this.#logger.warn('cluster_names', warning);
    }
  }
}
