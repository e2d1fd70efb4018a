import { hostname } from 'node:os';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { EntityStore } from '../store/entity-store.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import { decodeOffset, encodeOffset, listBody, querySize } from './list-query.ts';
import { openApiDocument, type DocumentedPath } from './openapi.ts';
import type { Call, Handlers } from './resource.ts';

/** The version of Kong whose Admin API this is: clients decide by it what they send. */
export const kongVersion = '3.9.1';

/** A port for requests. */
export interface ProxyAddress {
  /** `host:port` as bound. */
  readonly address: string;
  readonly isTls: boolean;
}

/** Returns the ports for requests among the addresses of a node. */
export function proxyAddressesOf(addresses: Readonly<Record<string, string>>): readonly ProxyAddress[] {
  return Object.entries({ proxy: false, proxy_tls: true }).flatMap(([name, isTls]) => {
    const address = addresses[name];
    return address === undefined ? [] : [{ address, isTls }];
  });
}

export interface InfoRoutesOptions {
  readonly store: EntityStore;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly role: string;
  readonly sluiceVersion: string;
  /** Returns the addresses at which the Admin API listens. */
  readonly addresses: () => readonly string[];
  /** The Admin API speaks HTTPS. */
  readonly isTls: boolean;
  readonly proxyAddresses: () => readonly ProxyAddress[];
  /** The state for `/status/ready`. */
  readonly ready: () => { readonly ready: boolean; readonly body: object };
  /** Returns the hash of the configuration of a node without a database. */
  readonly configurationHash: (() => string | undefined) | undefined;
  readonly connections: () => ConnectionCounts;
  readonly add: (path: string, handlers: Handlers) => void;
  /** All endpoints; complete when the first request comes. */
  readonly paths: readonly DocumentedPath[];
}

/** Adds what the node says of itself, and the lists that are no entities. */
export function addInfoRoutes(options: InfoRoutesOptions): void {
  const { store, entities, plugins, sluiceVersion, add, paths } = options;
  const names = Object.keys(plugins).sort();
  add('/', { GET: () => ({ status: 200, body: nodeInfo(options) }) });
  add('/status', { GET: () => ({ status: 200, body: nodeStatus(options) }) });
  add('/status/ready', {
    GET() {
      const { ready, body } = options.ready();
      return { status: ready ? 200 : 503, body };
    },
  });
  add('/plugins/enabled', { GET: () => ({ status: 200, body: { enabled_plugins: names } }) });
  add('/endpoints', { GET: () => ({ status: 200, body: { data: paths.map(({ path }) => path).sort() } }) });
  let document: Readonly<Record<string, unknown>> | undefined;
  add('/openapi.json', {
    GET() {
      // At the first call all paths are known, and none changes afterwards.
      document ??= openApiDocument({ paths, entities, plugins, version: sluiceVersion });
      return { status: 200, body: document };
    },
  });
  add('/tags', { GET: (call) => tagList(store, call) });
  add('/tags/:tag', { GET: (call) => tagList(store, call, call.param('tag')) });
}

function nodeInfo({ store, plugins, role, sluiceVersion, addresses, proxyAddresses, isTls }: InfoRoutesOptions) {
  const available = Object.values(plugins).map(({ name, version, priority }) => [name, { version, priority }] as const);
  return {
    version: kongVersion,
    edition: 'community',
    sluice_version: sluiceVersion,
    tagline: 'Welcome to Sluice',
    hostname: hostname(),
    node_id: store.nodeId(),
    plugins: { available_on_server: Object.fromEntries(available), enabled_in_cluster: store.pluginNames() },
    configuration: {
      // Clients refuse to write when this says `off`, and check routes by the flavor: both words describe how we behave in
      // Kong's terms.
      database: role === 'dbless' ? 'off' : 'postgres',
      router_flavor: 'traditional_compatible',
      role,
      admin_listeners: addresses().map((address) => listenerView(address, isTls)),
      proxy_listeners: proxyAddresses().map((proxy) => listenerView(proxy.address, proxy.isTls)),
      stream_listeners: [],
    },
  };
}

/** Returns a listener as Kong describes it: clients read its fields. */
function listenerView(address: string, ssl: boolean) {
  const [, ip = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return {
    ip: ip.replace(/^\[|\]$/g, ''),
    port: Number(port),
    ssl,
    http2: false,
    proxy_protocol: false,
    reuseport: false,
    listener: ssl ? `${address} ssl` : address,
  };
}

function nodeStatus({ connections, store, configurationHash }: InfoRoutesOptions) {
  const counts = connections();
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  return {
    server: {
      connections_accepted: counts.accepted,
      connections_active: counts.active,
      connections_handled: counts.accepted,
      connections_reading: 0,
      connections_waiting: Math.max(counts.active - counts.writing, 0),
      connections_writing: counts.writing,
      total_requests: counts.requests,
    },
    memory: { rss_bytes: rss, heap_total_bytes: heapTotal, heap_used_bytes: heapUsed, external_bytes: external },
    ...(configurationHash === undefined
      ? { database: { reachable: isReadable(store) } }
      : { configuration_hash: configurationHash() ?? null }),
  };
}

/** Returns whether the database, a file of this process, can be read. */
function isReadable(store: EntityStore): boolean {
  try {
    store.revision();
    return true;
  } catch {
    return false;
  }
}

function tagList(store: EntityStore, call: Call, tag?: string) {
  const size = querySize(call.query);
  const given = call.query.get('offset');
  const [afterTag = '', entity_name = '', entity_id = ''] = given === undefined ? [] : decodeOffset(given);
  const page = store.tags({
    size,
    ...(tag === undefined ? {} : { tag }),
    ...(given === undefined ? {} : { after: { tag: afterTag, entity_name, entity_id } }),
  });
  const { last } = page;
  const offset = last === undefined ? {} : { offset: encodeOffset([last.tag, last.entity_name, last.entity_id]) };
  return { status: 200, body: listBody({ path: call.path, query: call.query, size, data: page.items, ...offset }) };
}
