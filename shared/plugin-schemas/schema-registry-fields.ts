import {
  array,
  boolean,
  element,
  integer,
  map,
  number,
  record,
  string,
  type FieldFault,
  type InferFields,
} from '../schema/field.ts';
import { httpUrl } from './kafka-fields.ts';
import { defaultOnly, recordCheck } from './record-checks.ts';

const authenticationFields = {
  mode: string({ default: 'none', oneOf: ['none', 'basic', 'oauth2'] }),
  basic: record({
    username: string({ required: true, encrypted: true, referenceable: true }),
    password: string({ required: true, encrypted: true, referenceable: true }),
  }),
  oauth2: record({
    token_endpoint: string({ required: true, check: httpUrl }),
    grant_type: string({ default: 'client_credentials', oneOf: ['client_credentials', 'password'] }),
    client_id: string({ encrypted: true, referenceable: true }),
    client_secret: string({ encrypted: true, referenceable: true }),
    username: string({ encrypted: true, referenceable: true }),
    password: string({ encrypted: true, referenceable: true }),
    scopes: array(string(element), { default: ['openid'] }),
    audience: array(string(element), { default: [] }),
    token_headers: map(string(element), string({ required: true, referenceable: true })),
    token_post_args: map(string(element), string({ required: true, referenceable: true })),
  }),
  oauth2_client: record({
    auth_method: string({
      default: 'client_secret_post',
      oneOf: ['client_secret_post', 'client_secret_basic', 'client_secret_jwt', 'none'],
    }),
    client_secret_jwt_alg: string({ default: 'HS512', oneOf: ['HS256', 'HS512'] }),
    timeout: integer({ default: 10_000, between: [0, 2_147_483_646] }),
    keep_alive: boolean({ default: true }),
    http_version: number({ default: 1.1 }),
    ssl_verify: boolean({ default: true }),
    http_proxy: string({ check: httpUrl }),
    http_proxy_authorization: string({ encrypted: true }),
    https_proxy: string({ check: httpUrl }),
    https_proxy_authorization: string({ encrypted: true }),
    no_proxy: string(),
  }),
};

const subjectFields = {
  subject_name: string({ lenMin: 1, description: 'The subject; not used when subject_name_strategy is topic.' }),
  schema_version: string({
    default: 'latest',
    check: schemaVersion,
    description: "The version to use: a number, or 'latest'.",
  }),
  payload_encoding: string({
    default: 'auto',
    oneOf: ['auto', 'avro_json', 'simple_json'],
    description:
      'How the JSON writes Avro unions and bytes: avro_json as Avro does (tagged), simple_json plainly, auto both.',
  }),
};

const confluentFields = {
  url: string({ required: true, check: httpUrl, description: 'The registry, with the path of its Confluent API.' }),
  ttl: integer({
    default: 60,
    between: [0, 3600],
    description:
      "How long an answer for 'latest' is used before it is asked for again (s). Schemas by id never expire.",
  }),
  ssl_verify: boolean({ default: true, description: "Whether the registry's certificate must be good." }),
  authentication: record(authenticationFields, {
    required: true,
    checks: [recordCheck(authenticationFields, checkAuthentication)],
  }),
  logical_cluster_id: string({ description: 'Sent as header target-sr-cluster.' }),
  identity_pool_id: string({ description: 'Sent as header Confluent-Identity-Pool-Id.' }),
  subject_name_strategy: string({
    default: 'subject_name',
    oneOf: ['subject_name', 'topic'],
    description: "Where the subject comes from: the field subject_name, or the record's topic (<topic>-value).",
  }),
  key_schema: record(subjectFields, { description: 'The schema of record keys.' }),
  value_schema: record(subjectFields, { description: 'The schema of record values.' }),
};

/** The field `schema_registry` of every Kafka plugin. */
export const schemaRegistry = record(
  {
    confluent: record(confluentFields, {
      checks: [recordCheck(confluentFields, checkConfluent), defaultOnly(confluentFields, ['key_schema'])],
    }),
  },
  { description: "A registry with Confluent's API, whose schema every record value must fit." },
);

export type ConfluentRegistryConfig = InferFields<typeof confluentFields>;

function schemaVersion(value: string): string | undefined {
  return /^(latest|[1-9][0-9]{0,9})$/.test(value) ? undefined : "expected a positive number or 'latest'";
}

function checkAuthentication(authentication: InferFields<typeof authenticationFields>): FieldFault[] {
  const { mode, basic, oauth2, oauth2_client } = authentication;
  const faults: FieldFault[] = [];
  if (mode === 'oauth2')
    faults.push({ path: ['mode'], message: 'not supported yet: only none and basic are accepted' });
  if (mode === 'basic' && basic === null) faults.push({ path: ['basic'], message: 'required field missing' });
  if (oauth2 !== null) faults.push({ path: ['oauth2'], message: 'not supported yet: only null is accepted' });
  if (oauth2_client !== null) {
    faults.push({ path: ['oauth2_client'], message: 'not supported yet: only null is accepted' });
  }
  return faults;
}

function checkConfluent({
  subject_name_strategy: strategy,
  value_schema: schema,
}: ConfluentRegistryConfig): FieldFault[] {
  if (schema === null) return [{ path: ['value_schema'], message: 'required field missing' }];
  if (strategy === 'subject_name' && schema.subject_name === null) {
    return [{ path: ['value_schema', 'subject_name'], message: 'required field missing' }];
  }
  return [];
}
