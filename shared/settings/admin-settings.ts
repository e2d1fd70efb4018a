import { roleGroups, setting } from './setting.ts';
import { hostList, listener, originList, text, token } from './setting-values.ts';

/** Settings of the Admin API. */
export const adminSettings = {
  admin_listen: setting({
    roles: roleGroups.admin,
    default: '127.0.0.1:8001',
    parse: listener,
    description: 'Admin API and console; an address that is not loopback needs admin_token',
  }),
  admin_token: setting({
    roles: roleGroups.admin,
    default: undefined,
    isSecret: true,
    parse: token,
    description: 'expected as Kong-Admin-Token: T or Authorization: Bearer T',
  }),
  admin_token_read_only: setting({
    roles: roleGroups.admin,
    default: undefined,
    isSecret: true,
    parse: token,
    description: 'a second token: GET and HEAD only, secrets masked',
  }),
  admin_hosts: setting({
    roles: roleGroups.admin,
    default: undefined,
    parse: hostList,
    description: 'further host names that the Admin API answers to',
  }),
  admin_cors_origins: setting({
    roles: roleGroups.admin,
    default: undefined,
    parse: originList,
    description: 'further browser origins that may call the Admin API',
  }),
  admin_tls_cert: setting({
    roles: roleGroups.admin,
    default: undefined,
    parse: text,
    description: 'certificate file (PEM): HTTPS for the Admin API; with admin_tls_key',
  }),
  admin_tls_key: setting({
    roles: roleGroups.admin,
    default: undefined,
    parse: text,
    description: 'key file (PEM) of admin_tls_cert',
  }),
};
