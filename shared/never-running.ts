import { referencedId, type SnapshotEntity } from './snapshot.ts';

/** The entities that a plugin is bound to, and its names. */
export interface BoundPlugin {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly route: string | undefined;
  readonly service: string | undefined;
  readonly consumer: string | undefined;
}

/** It answers every request, before request-termination, which runs last. */
const answering = 'kafka-upstream';
const answeredBefore = 'request-termination';

/** Returns what has to be kept of a plugin to tell whether it never runs; undefined where it plays no part in that. */
export function keptBoundPlugin(plugin: SnapshotEntity): BoundPlugin | undefined {
  const { name, instance_name: label } = plugin;
  if (plugin['enabled'] === false || (name !== answering && name !== answeredBefore)) return undefined;
  return {
    id: plugin.id,
    name,
    label: typeof label === 'string' ? label : plugin.id,
    route: referencedId(plugin['route']),
    service: referencedId(plugin['service']),
    consumer: referencedId(plugin['consumer']),
  };
}

export interface NeverRunning {
  readonly id: string;
  /** One sentence. */
  readonly text: string;
}

/**
 * Returns the instances of request-termination that never run, because kafka-upstream answers wherever they are.
 * `serviceOf` names the service of a route.
 */
export function neverRunning(
  plugins: Iterable<BoundPlugin>,
  serviceOf: (routeId: string) => string | undefined,
): readonly NeverRunning[] {
  const ended: BoundPlugin[] = [];
  const places = new Set<string>();
  for (const plugin of plugins) {
    if (plugin.name === answeredBefore) ended.push(plugin);
    else places.add(placeOf(plugin));
  }
  if (places.size === 0) return [];
  return ended.flatMap((plugin) => {
    const { id, label, route, consumer } = plugin;
    const service = plugin.service ?? (route === undefined ? undefined : serviceOf(route));
    const covering = [consumer, undefined].flatMap((one) =>
      [
        { route, service },
        { route, service: undefined },
        { route: undefined, service },
        { route: undefined, service: undefined },
      ].map((place) => placeOf({ ...place, consumer: one })),
    );
    if (!covering.some((place) => places.has(place))) return [];
    return [{ id, text: `the request-termination '${label}' never runs: kafka-upstream answers before it` }];
  });
}

function placeOf({
  route = '',
  service = '',
  consumer = '',
}: Partial<Omit<BoundPlugin, 'id' | 'name' | 'label'>>): string {
  return `${route}/${service}/${consumer}`;
}
