import type { Logger } from '../../shared/log.ts';
import type { PluginMetrics } from './plugin-metrics.ts';

/** What shared values are made with. */
export interface NodeStateParts {
  readonly log: Logger;
  readonly metrics: PluginMetrics;
}

/**
 * Holds the values that all instances of a plugin share on one node, and that outlive a configuration: counters,
 * connections. Each is made when it is first asked for.
 */
export class NodeState {
  readonly #parts: NodeStateParts;
  readonly #values = new Map<unknown, unknown>();

  constructor(parts: NodeStateParts) {
    this.#parts = parts;
  }

  /** Returns what the function made at its first call. The function itself is the key: pass one that a module declares. */
  of<T extends object>(make: (parts: NodeStateParts) => T): T {
    let value = this.#values.get(make);
    if (value === undefined) this.#values.set(make, (value = make(this.#parts)));
    // The value under a function is what that function returned.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return value as T;
  }
}
