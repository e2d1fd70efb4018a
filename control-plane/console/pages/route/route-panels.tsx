import { controlPlane } from '../../api/control-plane.ts';
import { get } from '../../api/client.ts';
import { readPage } from '../../api/pages.ts';
import { numberOf, recordOf, shown, textOf, type Values } from '../../api/read.ts';
import { useTraffic } from '../../api/traffic.ts';
import { useLoad } from '../../api/use-load.ts';
import { hrefOf } from '../../navigation/location.ts';
import { Pending } from '../../parts/notice.tsx';
import { CodeList, CountedNodes, summaryOf, TrafficColumns } from '../../parts/traffic.tsx';

/** What operators ask of a route: its traffic, the fields that fail, and the plugins in the order in which they run. */
export function RoutePanels({ entity }: { readonly entity: Values }) {
  const id = textOf(entity['id']) ?? '';
  const has = (path: string): boolean => controlPlane.value?.endpoints.has(path) === true;
  return (
    <>
      {has('/clustering/traffic') && <RouteTraffic id={id} />}
      <PluginChain entity={entity} />
    </>
  );
}

function RouteTraffic({ id }: { readonly id: string }) {
  const { traffic, error } = useTraffic(`route=${id}`);
  if (traffic === undefined) return error === undefined ? null : <Pending error={error} />;
  const isQuiet = traffic.total.answers === 0;
  return (
    <section class="sheet" aria-labelledby="traffic-title">
      <h2 id="traffic-title">Traffic of the last 15 minutes</h2>
      {isQuiet ? (
        <p class="quiet">No request has come in this time.</p>
      ) : (
        <>
          <p class="quiet">{summaryOf(traffic.total)}.</p>
          <TrafficColumns traffic={traffic} of="latency">
            <div>
              <h3>Answers</h3>
              <CodeList counts={traffic.total} />
            </div>
            {traffic.pointers.length > 0 && (
              <div>
                <h3>Fields that fail most</h3>
                <ul class="rows">
                  {traffic.pointers.map(({ pointer, count }) => (
                    <li key={pointer} class="row">
                      <code class="row-main">{pointer}</code>
                      <span class="row-end">{count.toLocaleString()}</span>
                    </li>
                  ))}
                </ul>
              </div>
            )}
          </TrafficColumns>
        </>
      )}
      <CountedNodes traffic={traffic} />
    </section>
  );
}

interface Step {
  readonly plugin: Values;
  readonly priority: number;
  readonly scope: string;
}

function PluginChain({ entity }: { readonly entity: Values }) {
  const id = textOf(entity['id']) ?? '';
  const serviceId = textOf(recordOf(entity['service'])['id']);
  const { value, error } = useLoad(`chain ${id} ${serviceId ?? ''}`, (signal) => readChain(id, serviceId, signal));
  return (
    <section class="sheet" aria-labelledby="chain-title">
      <h2 id="chain-title">Plugins in the order in which they run</h2>
      {value === undefined && <Pending error={error} />}
      {value?.length === 0 && <p class="quiet">None: a request goes to the service as it is, or is answered 503.</p>}
      <ol class="chain">
        {value?.map(({ plugin, priority, scope }) => (
          <li key={shown(plugin['id'])} class="row">
            <span class="row-main">
              <a href={hrefOf(`/plugins/${shown(plugin['id'])}`)}>
                {textOf(plugin['instance_name']) ?? shown(plugin['name'])}
              </a>
              <span class="row-detail">
                {plugin['instance_name'] === null ? '' : `${shown(plugin['name'])}, `}
                {scope}
              </span>
            </span>
            <span class="row-end">priority {priority}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Reads the plugins of a route, its service and of all routes: the most specific one of each name runs. */
async function readChain(id: string, serviceId: string | undefined, signal: AbortSignal): Promise<readonly Step[]> {
  const priorities = recordOf(recordOf(recordOf(await get('/', signal))['plugins'])['available_on_server']);
  const read = async (path: string): Promise<readonly Values[]> =>
    (await readPage(path, { size: '1000' }, signal)).data;
  const own = await read(`/routes/${id}/plugins`);
  const ofService = serviceId === undefined ? [] : await read(`/services/${serviceId}/plugins`);
  const global = (await read('/plugins')).filter(({ route, service }) => route === null && service === null);
  const levels = [
    ['of this route', own],
    ['of its service', ofService.filter(({ route }) => route === null)],
    ['of all routes', global],
  ] as const;
  const steps = new Map<string, Step>();
  for (const [scope, plugins] of levels) {
    for (const plugin of plugins) {
      const name = shown(plugin['name']);
      // Plugins of a consumer run for its requests alone.
      if (plugin['enabled'] === false || plugin['consumer'] !== null || steps.has(name)) continue;
      steps.set(name, { plugin, scope, priority: numberOf(recordOf(priorities[name])['priority']) ?? 0 });
    }
  }
  return [...steps.values()].sort((a, b) => b.priority - a.priority);
}
