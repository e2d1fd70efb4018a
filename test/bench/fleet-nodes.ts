import { randomUUID } from 'node:crypto';
import { syncCredentials } from '../../data-plane/source/sync-credentials.ts';
import { SyncStream } from '../../data-plane/source/sync-stream.ts';
import { knownSchemas } from '../../data-plane/source/known-schemas.ts';
import { entities } from '../../shared/entities/entities.ts';
import { silentLogger } from '../../shared/log.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';

/** What the bench asks of this process: so many nodes in all, or that all come anew with nothing. */
export type FleetOrder = { readonly kind: 'connect'; readonly nodes: number } | { readonly kind: 'storm' };

/**
 * `node fleet-nodes.js <host:port> <version>`: simulated nodes, each with a connection and a stream of its own, that ack
 * what they get without building it. Obeys `FleetOrder` messages; ends when it is disconnected.
 */
const [address = '', version = ''] = process.argv.slice(2);
const knows = knownSchemas(entities, pluginSchemas);
const nodes: SimulatedNode[] = [];

class SimulatedNode {
  readonly #nodeId = randomUUID();
  readonly #bootId = randomUUID();
  #hash = '';
  #stream: SyncStream | undefined;

  connect(): void {
    const stream = new SyncStream({
      address,
      credentials: syncCredentials(undefined),
      hello: {
        nodeId: this.#nodeId,
        bootId: this.#bootId,
        hostname: 'simulated',
        version,
        labels: {},
        ...knows,
        hash: this.#hash,
        deltas: true,
      },
      counters: () => ({ requestsTotal: 0, clusters: [] }),
      welcomeMs: 120_000,
      logger: silentLogger(),
      onWelcome: () => undefined,
      onSnapshot: ({ hash }) => {
        this.#hash = hash;
        stream.ack(hash, 0);
      },
      runningHash: () => this.#hash,
      onBrokenTransfer: ({ hash }) => stream.requestSnapshot(hash, this.#hash),
      onEnd: () => {
        if (this.#stream === stream) setTimeout(() => this.connect(), 500);
      },
    });
    this.#stream = stream;
  }

  /** Comes back at once as a node that has lost its cache. */
  comeAnew(): void {
    const old = this.#stream;
    this.#stream = undefined;
    old?.close();
    this.#hash = '';
    this.connect();
  }
}

process.on('message', (order: FleetOrder) => {
  if (order.kind === 'storm') for (const node of nodes) node.comeAnew();
  else {
    while (nodes.length < order.nodes) {
      const node = new SimulatedNode();
      nodes.push(node);
      node.connect();
    }
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
