import {
  createAdminServer,
  type AdminServerOptions,
  type AdminSettings,
} from '../../../control-plane/admin/admin-server.ts';
import { createAuditLog } from '../../../control-plane/store/audit-log.ts';
import { openDatabase } from '../../../control-plane/store/database.ts';
import { createEntityStore, type EntityStore } from '../../../control-plane/store/entity-store.ts';
import { entities } from '../../../shared/entities/entities.ts';
import { httpPortBounds } from '../../../shared/http-port.ts';
import { createLogger, silentLogger } from '../../../shared/log.ts';
import type { PluginSchema } from '../../../shared/plugin-schemas/plugin-schema.ts';
import { array, boolean, element, integer, map, record, set, string } from '../../../shared/schema/field.ts';

/** A plugin of which each test knows the whole schema. */
export const samplePlugin: PluginSchema = {
  name: 'sample',
  version: '1.2.3',
  priority: 7,
  protocols: ['http', 'https'],
  scopes: ['route', 'service'],
  config: record(
    {
      topic: string({ required: true }),
      servers: set(record({ host: string({ required: true }), port: integer({ default: 9092 }) }, element)),
      label: string({ auto: true }),
      secret: string({ encrypted: true, referenceable: true }),
      limits: record(
        { count: integer({ between: [1, 5], default: 2 }), strict: boolean({ default: false }) },
        { required: true },
      ),
      certificates: array(record({ id: string({ uuid: true, refersTo: 'certificates' }) }, element)),
      extra: record({ on: boolean({ default: true }) }),
      names: map(string(), string(element), { default: {} }),
    },
    { required: true },
  ),
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Bodies of tests are read without ceremony.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface AdminFixture {
  readonly store: EntityStore;
  readonly address: string;
  readonly logLines: string[];
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** As if its file were gone. */
  closeDatabase(): void;
  close(): Promise<void>;
}

/** An Admin API over a database in memory, on a free port. */
export async function startAdmin(
  settings: Partial<AdminSettings> = {},
  others: Partial<AdminServerOptions> = {},
): Promise<AdminFixture> {
  const { plugins = { sample: samplePlugin } } = others;
  const database = openDatabase({ path: ':memory:' });
  const audit = createAuditLog({ database, plugins });
  const store = createEntityStore({
    audit,
    database,
    entities,
    logger: silentLogger(),
    plugins,
  });
  const logLines: string[] = [];
  const server = createAdminServer({
    store,
    entities,
    audit,
    plugins,
    logger: createLogger({ level: 'info', format: 'json', write: (line) => logLines.push(line) }),
    settings: {
      listen: { host: '127.0.0.1', port: 0 },
      hosts: [],
      corsOrigins: [],
      role: 'control_plane',
      sluiceVersion: '0.0.0',
      bounds: { ...httpPortBounds, drainIdleMs: 0 },
      ...settings,
    },
    ...others,
  });
  const address = await server.start();
  return {
    store,
    address,
    logLines,
    async call(method, path, body, headers = {}) {
      const raw = typeof body === 'string' || body instanceof FormData || body instanceof URLSearchParams;
      const response = await fetch(`http://${address}${path}`, {
        method,
        headers: { ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.includes('json') === true && text !== '';
      return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
    },
    closeDatabase: () => void database.close(),
    async close() {
      await server.stop();
      database.close();
    },
  };
}
