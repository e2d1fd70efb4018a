import { createHash } from 'node:crypto';
import { checkEntity } from '../../shared/entities/check-entity.ts';
import { entities as descriptors } from '../../shared/entities/entities.ts';
import { pluginSchemas } from '../../shared/plugin-schemas/plugin-schemas.ts';
import type { SnapshotEntities, SnapshotEntity } from '../../shared/snapshot.ts';

/** Always the same UUID for the same text. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** An entity as the Admin API would store it. Throws where it has a fault. */
export function storedEntity(plural: string, input: object): SnapshotEntity {
  const entity = descriptors.find((descriptor) => descriptor.plural === plural);
  if (entity === undefined) throw new Error(`There are no ${plural}`);
  const auto = {
    uuid: () => uuidOf(`${plural} ${JSON.stringify(input)}`),
    token: () => 'token',
    now: () => 1_700_000_000,
  };
  const checked = checkEntity({ entity, plugins: pluginSchemas, input, auto });
  if (checked.kind === 'faults') throw new Error(`${plural}: ${JSON.stringify(checked.faults)}`);
  return { ...checked.value, id: String(checked.value['id']) };
}

export interface ManyEntitiesOptions {
  /** `host:port` of a broker, for the plugins; they are all of one cluster. */
  readonly kafka: string;
  readonly topic: string;
}

/** A configuration of this many entities: a third services, a third routes of theirs, a third plugins of those. */
export function manyEntities(count: number, { kafka, topic }: ManyEntitiesOptions): SnapshotEntities {
  const third = Math.floor(count / 3);
  const numbers = Array.from({ length: third }, (_one, index) => index);
  const [host = '', port = ''] = kafka.split(',', 1)[0]?.split(':') ?? [];
  const config = {
    bootstrap_servers: [{ host, port: Number(port) }],
    topic,
    record_value: 'body',
    producer_async: true,
  };
  const id = (plural: string, n: number) => uuidOf(`${plural} ${n}`);
  return {
    services: numbers.map((n) =>
      storedEntity('services', { id: id('services', n), name: `service-${n}`, host: `service-${n}.example.test` }),
    ),
    routes: numbers.map((n) =>
      storedEntity('routes', {
        id: id('routes', n),
        name: `route-${n}`,
        hosts: [`host-${n % 100}.example.test`],
        paths: [`/api/v1/tenants/${n}/orders`],
        service: { id: id('services', n) },
      }),
    ),
    plugins: numbers.map((n) =>
      storedEntity('plugins', { id: id('plugins', n), name: 'kafka-upstream', route: { id: id('routes', n) }, config }),
    ),
  };
}
