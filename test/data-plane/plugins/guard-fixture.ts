import { randomBytes, randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import type { PluginDeps } from '../../../data-plane/plugin-api/plugin-definition.ts';
import type { Answer, ForwardAs, RecordResult } from '../../../data-plane/plugin-api/exchange.ts';
import { HeaderList } from '../../../data-plane/plugin-api/header-list.ts';
import { NodeState } from '../../../data-plane/plugin-api/node-state.ts';
import { plugins } from '../../../data-plane/plugins/plugins.ts';
import { createSpine, type Spine } from '../../../data-plane/proxy/spine.ts';
import { buildRuntime, type PluginTable } from '../../../data-plane/runtime/build-runtime.ts';
import { createLiveCredentials } from '../../../data-plane/runtime/live-credentials.ts';
import { PluginInstances } from '../../../data-plane/runtime/plugin-instances.ts';
import { RuntimeHolder } from '../../../data-plane/runtime/runtime-holder.ts';
import { createPluginMetrics } from '../../../data-plane/status/plugin-metrics.ts';
import { createRequestMetrics } from '../../../data-plane/status/request-metrics.ts';
import { checkEntity } from '../../../shared/entities/check-entity.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { createLogger } from '../../../shared/log.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot, type SnapshotEntities, type SnapshotEntity } from '../../../shared/snapshot.ts';
import { noLua } from '../../helpers/plugins.ts';
import { Fakes } from './kafka-upstream/plugin-fakes.ts';
import { FakeExchange } from '../proxy/fake-exchange.ts';
import { noServices } from '../runtime/service-fixture.ts';

export type Values = Readonly<Record<string, unknown>>;
export type Bodies = Readonly<Record<string, readonly Values[]>>;
export type Request = ConstructorParameters<typeof FakeExchange>[0];

/** What became of one request. */
export interface Seen {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: string;
  /** `message` of the body; undefined where it is no JSON. */
  readonly message: unknown;
  /** What came behind the plugins; undefined where one of them answered. */
  readonly passed:
    | { readonly headers: HeaderList; readonly target: string; readonly body: string; readonly forwardAs?: ForwardAs }
    | undefined;
}

/** Checks bodies as the Admin API does and fills their defaults. @throws with every fault. */
export function checkedEntities(bodies: Bodies): SnapshotEntities {
  const auto = {
    uuid: randomUUID,
    token: () => randomBytes(16).toString('hex'),
    now: () => Math.floor(Date.now() / 1000),
  };
  return Object.fromEntries(
    Object.entries(bodies).map(([plural, list]) => {
      const entity = entities.find((one) => one.plural === plural);
      if (entity === undefined) throw new Error(`no kind of entity is named ${plural}`);
      const checked = list.map((input) => {
        const result = checkEntity({ entity, plugins: pluginSchemas, input, auto });
        if (result.kind === 'faults') throw new Error(JSON.stringify(result.faults));
        // A border: what was checked has an id.
        return result.value as SnapshotEntity;
      });
      return [plural, checked];
    }),
  );
}

export const serviceId = '22222222-2222-4222-8222-222222222222';
const service = { id: serviceId, name: 'behind', host: '127.0.0.1' };
const route = { id: '11111111-1111-4111-8111-111111111111', name: 'guarded', paths: ['/'], service: { id: serviceId } };

/** The real plugins on one route before a service that accepts everything, with the real spine and runtime. */
export class GuardFixture {
  readonly lines: string[] = [];
  readonly registry = new Registry();
  readonly holder: RuntimeHolder;
  readonly #spine: Spine;
  readonly #credentials = createLiveCredentials();
  /** The headers of the service's answer. */
  serviceHeaders: readonly string[] = [];
  serviceBody: Answer['body'] = 'from the service';
  /** What became of the record that the service stands for. */
  serviceResult: RecordResult = { outcome: 'acked' };

  constructor(more: Partial<PluginDeps> = {}) {
    open.push(this);
    const logger = createLogger({ level: 'info', format: 'json', write: (line) => void this.lines.push(line) });
    const metrics = createRequestMetrics({ registry: this.registry, inFlight: () => this.#spine.inFlight() });
    const instances = new PluginInstances();
    const services = noServices();
    const pluginMetrics = createPluginMetrics(this.registry);
    const { producers, encoders } = new Fakes();
    const pluginDeps = {
      producers,
      encoders,
      lua: noLua,
      credentials: this.#credentials,
      log: logger,
      metrics: pluginMetrics,
      nodeState: new NodeState({ log: logger, metrics: pluginMetrics }),
      env: { SECRET: 'from-env' },
      requestBodyMaxBytes: 1 << 20,
      ...more,
    };
    // The table's handlers take the config that their schemas checked.
    const table = plugins as unknown as PluginTable;
    this.holder = new RuntimeHolder({
      logger,
      build: (snapshot, live) =>
        buildRuntime(snapshot, {
          live,
          plugins: table,
          pluginSchemas,
          pluginDeps,
          instances,
          services,
          meterOf: (label) => metrics.meterOf(label),
        }),
      onApplied: () => {
        const { current } = this.holder;
        if (current !== undefined) this.#credentials.use(current.credentials);
        pluginMetrics.proxySeries.keepOnly(current?.routeLabels ?? new Set());
      },
    });
    this.#spine = createSpine({
      holder: this.holder,
      metrics,
      logger,
      forward: async (exchange) => {
        const { headers, target, forwardAs } = exchange;
        const body = (await exchange.readBody()).toString();
        passed.set(exchange, { headers, target, body, ...(forwardAs === undefined ? {} : { forwardAs }) });
        return { status: 200, headers: this.serviceHeaders, body: this.serviceBody, result: this.serviceResult };
      },
    });
  }

  /** Puts plugins and other entities beside the route in force. @throws with the faults of the configuration. */
  async apply(bodies: Bodies): Promise<void> {
    const result = await this.holder.apply(
      createSnapshot(checkedEntities({ services: [service], routes: [route], ...bodies })),
    );
    if (result.kind === 'rejected') throw new Error(JSON.stringify(result.faults));
  }

  async send(request: Request = {}): Promise<Seen> {
    let answered: ((answer: Answer) => void) | undefined;
    const answer = new Promise<Answer>((resolve) => (answered = resolve));
    const exchange = new (class extends FakeExchange {
      override respond(given: Answer): void {
        super.respond(given);
        answered?.(given);
      }
    })(request);
    this.#spine.handle(exchange);
    const { status, headers, body } = await answer;
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : '';
    return {
      status,
      headers: new HeaderList([...headers]),
      body: text,
      message: messageOf(text),
      passed: passed.get(exchange),
    };
  }
}

const open: GuardFixture[] = [];
// A root hook: every fixture of a run is closed with its last test.
after(async () => {
  for (const fixture of open.splice(0)) await fixture.holder.close();
});

const passed = new WeakMap<object, NonNullable<Seen['passed']>>();

function messageOf(body: string): unknown {
  try {
    const parsed: unknown = JSON.parse(body);
    return (parsed as { message?: unknown }).message;
  } catch {
    return undefined;
  }
}

/** A fixture with one plugin and these consumers. */
export async function guardWith(plugin: string, config: Values, others: Bodies = {}): Promise<GuardFixture> {
  const fixture = new GuardFixture();
  await fixture.apply({ plugins: [{ name: plugin, config }], ...others });
  return fixture;
}

export const ada = { id: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', username: 'ada', custom_id: 'n-1' };
export const bob = { id: 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb', username: 'bob' };
export const guest = { id: 'cccccccc-cccc-4ccc-8ccc-cccccccccccc', username: 'guest' };
/** Three consumers; Ada has a key. */
export const people: Bodies = {
  consumers: [ada, bob, guest],
  keyauth_credentials: [
    { id: 'dddddddd-dddd-4ddd-8ddd-dddddddddddd', key: 'ada-key', consumer: { id: ada.id } },
    { key: 'bob-key', consumer: { id: bob.id } },
  ],
};
