import { createAdminServer } from '../../control-plane/admin/admin-server.ts';
import { openDatabase } from '../../control-plane/store/database.ts';
import { createEntityStore } from '../../control-plane/store/entity-store.ts';
import { entities } from '../../shared/entities/entities.ts';
import { createLogger } from '../../shared/log.ts';

/** `node durable-server.js <database>`: a store with its Admin API, to be killed. Tells its address to its parent. */
const logger = createLogger({ level: 'error', format: 'json', write: (line) => process.stderr.write(`${line}\n`) });
const database = openDatabase({ path: process.argv[2] ?? '' });
const server = createAdminServer({
  store: createEntityStore({ database, entities, logger }),
  entities,
  plugins: {},
  logger,
  settings: {
    listen: { host: '127.0.0.1', port: 0 },
    role: 'control_plane',
    sluiceVersion: '0.0.0',
    hosts: [],
    corsOrigins: [],
  },
});
process.send?.(await server.start());
// Never outlives the test.
process.on('disconnect', () => process.exit(1));
