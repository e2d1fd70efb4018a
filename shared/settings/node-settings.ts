import { roleGroups, roles, setting } from './setting.ts';
import { boolean, duration, listener, oneOf, text } from './setting-values.ts';

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
    parse: text,
    description: 'YAML or JSON file; dbless needs it or declarative_config_text, on a data plane it is the seed',
  }),
  declarative_config_text: setting({
    roles: roleGroups.dbless,
    default: undefined,
    isSecret: true,
    parse: text,
    description: 'the configuration itself, in YAML or JSON, in place of declarative_config',
  }),
  watch_config: setting({
    roles: roleGroups.dbless,
    default: 'false',
    parse: boolean,
    description: 'load declarative_config again when the file changes, whole or not at all',
  }),
  config_file: setting({
    roles: roleGroups.all,
    default: undefined,
    parse: text,
    description: 'YAML file with settings; a flag or a variable wins over it',
  }),
};
