import { roleGroups, roles, setting } from './setting.ts';
import { duration, listener, oneOf, text } from './setting-values.ts';

/** Settings of every role, those of the database and those of the configuration's files. */
export const nodeSettings = {
  role: setting({
    roles: roleGroups.all,
    default: undefined,
    required: roleGroups.all,
    parse: oneOf(...roles),
    description: 'traditional, control_plane, data_plane or dbless',
  }),
  log_level: setting({
    roles: roleGroups.all,
    default: 'info',
    parse: oneOf('debug', 'info', 'warn', 'error'),
    description: 'debug, info, warn or error',
  }),
  log_format: setting({
    roles: roleGroups.all,
    default: undefined,
    parse: oneOf('json', 'pretty'),
    description: 'json or pretty, one line an event; when not set: json, pretty on a terminal',
  }),
  status_listen: setting({
    roles: roleGroups.all,
    default: '127.0.0.1:8007',
    parse: listener,
    description: '/status, /status/ready, /status/live and /metrics',
  }),
  database: setting({
    roles: roleGroups.store,
    default: './sluice-data/control-plane.db',
    parse: text,
    description: 'SQLite file, created with its folder',
  }),
  keyring: setting({
    roles: roleGroups.store,
    default: undefined,
    parse: text,
    description:
      'file with one base64 256-bit key a line, or env:NAME: secrets are encrypted at rest; the first key writes, all read',
  }),
  node_purge_after: setting({
    roles: roleGroups.controlPlane,
    default: '14d',
    parse: duration,
    description: 'nodes unseen for this long are removed',
  }),
  declarative_config: setting({
    roles: ['dbless', 'data_plane'],
    default: undefined,
    required: roleGroups.dbless,
    parse: text,
    description: 'YAML or JSON file; required by dbless, on a data plane the seed while there is no cache',
  }),
};
