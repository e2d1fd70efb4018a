import { Counter, Gauge, type Registry } from 'prom-client';
import type { LimitHit } from '../../shared/limit-hits.ts';

/** Connections of a node that services switched to another protocol, such as WebSocket; one more upgrade is answered 503. */
const upgradesMaxDefault = 4_096;

export interface UpgradesOptions {
  readonly metrics: Registry;
  readonly onLimit: LimitHit;
  readonly upgradesMax?: number;
}

/** Counts and bounds the connections that were switched to another protocol, over all listeners of a node. */
export class Upgrades {
  readonly #options: UpgradesOptions;
  readonly #total: Counter;
  /** Offers that wait for the service's answer are counted too. */
  #open = 0;

  constructor(options: UpgradesOptions) {
    this.#options = options;
    const { metrics } = options;
    this.#total = new Counter({
      name: 'sluice_http_upgrades_total',
      help: 'Connections that services switched to another protocol, such as WebSocket',
      registers: [metrics],
    });
    const open: Gauge = new Gauge({
      name: 'sluice_http_upgrades_open',
      help: 'Connections that are switched to another protocol now, or wait for the service to switch',
      registers: [metrics],
      collect: () => open.set(this.#open),
    });
  }

  /** Takes a place and returns whether there was one. What was taken has to be given back. */
  take(): boolean {
    const { upgradesMax = upgradesMaxDefault, onLimit } = this.#options;
    if (this.#open >= upgradesMax) {
      onLimit('upgrades_max', 'proxy');
      return false;
    }
    this.#open += 1;
    return true;
  }

  give(): void {
    this.#open -= 1;
  }

  countSwitched(): void {
    this.#total.inc();
  }
}
