import { nullUnless } from '../schema/checks.ts';
import { array, boolean, element, foreign, integer, string, type InferFields } from '../schema/field.ts';
import { idField, nameField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkHost } from './host.ts';
import { checkServicePath } from './path.ts';
import { expandServiceUrl } from './service-url.ts';

const timeout = { between: [1, 2_147_483_646], default: 60_000 } as const;

export const serviceFields = {
  id: idField,
  ...timeFields,
  name: nameField('A unique name.'),
  retries: integer({ between: [0, 32_767], default: 5, description: 'How often a failed request is tried again.' }),
  protocol: string({ required: true, oneOf: ['http', 'https', 'grpc', 'grpcs'], default: 'http' }),
  host: string({ required: true, check: checkHost, description: 'Name or address of the upstream server.' }),
  port: integer({ required: true, between: [0, 65_535], default: 80 }),
  path: string({ check: checkServicePath, description: 'A prefix of the path of upstream requests.' }),
  connect_timeout: integer({ ...timeout, description: 'Milliseconds to connect.' }),
  write_timeout: integer({ ...timeout, description: 'Milliseconds between two writes.' }),
  read_timeout: integer({ ...timeout, description: 'Milliseconds between two reads.' }),
  tags: tagsField,
  client_certificate: foreign('certificates'),
  tls_verify: boolean(),
  tls_verify_depth: integer({ between: [0, 64] }),
  ca_certificates: array(string({ ...element, uuid: true, refersTo: 'ca_certificates' })),
  enabled: boolean({ required: true, default: true }),
} as const;

export type Service = InferFields<typeof serviceFields>;

const tlsProtocols = ['https', 'grpcs'] as const;

export const serviceEntity: EntityDescriptor = {
  name: 'service',
  plural: 'services',
  key: 'name',
  fields: serviceFields,
  checks: [
    nullUnless({ field: 'path', ifField: 'protocol', oneOf: ['http', 'https'] }),
    ...['client_certificate', 'tls_verify', 'tls_verify_depth', 'ca_certificates'].map((field) =>
      nullUnless({ field, ifField: 'protocol', oneOf: tlsProtocols }),
    ),
  ],
  shorthands: { url: string({ description: 'Protocol, host, port and path in one; write-only.' }) },
  expand: expandServiceUrl,
};
