import { saysNothing } from '../schema/effective.ts';
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
import type { MovedField } from '../schema/moved-fields.ts';
import { httpUrl } from './kafka-fields.ts';
import { defaultOnly, recordCheck } from './record-checks.ts';

const oauth2Fields = {
  token_endpoint: string({ required: true, check: httpUrl, description: 'Where access tokens are fetched.' }),
  grant_type: string({ default: 'client_credentials', oneOf: ['client_credentials', 'password'] }),
  client_id: string({ encrypted: true, referenceable: true }),
  client_secret: string({ encrypted: true, referenceable: true }),
  username: string({ encrypted: true, referenceable: true, description: 'For the grant password.' }),
  password: string({ encrypted: true, referenceable: true, description: 'For the grant password.' }),
  scopes: array(string(element), { default: ['openid'] }),
  audience: array(string(element), { default: [] }),
  token_headers: map(string(element), string({ required: true, referenceable: true, encrypted: true }), {
    description: 'Further headers of the request for a token.',
  }),
  token_post_args: map(string(element), string({ required: true, referenceable: true, encrypted: true }), {
    description: 'Further form fields of the request for a token.',
  }),
};

const oauth2ClientFields = {
  auth_method: string({
    default: 'client_secret_post',
    oneOf: ['client_secret_post', 'client_secret_basic', 'client_secret_jwt', 'none'],
    description: 'How the client proves itself to the token endpoint.',
  }),
  client_secret_jwt_alg: string({
    default: 'HS512',
    oneOf: ['HS256', 'HS512'],
    description: 'How client_secret_jwt signs.',
  }),
  timeout: integer({
    default: 10_000,
    between: [0, 2_147_483_646],
    description: 'How long the token endpoint may take (ms); 0 stands for the default.',
  }),
  keep_alive: boolean({ default: true, description: 'Whether connections to the token endpoint are kept.' }),
  http_version: number({ default: 1.1, description: 'Requests for tokens are HTTP/1.1.' }),
  ssl_verify: boolean({ default: true, description: "Whether the token endpoint's certificate must be good." }),
  http_proxy: string({ check: httpUrl, description: 'The proxy to a token endpoint without TLS.' }),
  http_proxy_authorization: string({ encrypted: true, description: 'Its header Proxy-Authorization.' }),
  https_proxy: string({
    check: httpUrl,
    description: 'The proxy to a token endpoint with TLS, which tunnels (CONNECT).',
  }),
  https_proxy_authorization: string({ encrypted: true, description: 'Its header Proxy-Authorization.' }),
  no_proxy: string({
    description: 'Hosts, separated by commas, that no proxy stands before; a name covers its subdomains.',
  }),
};

const authenticationFields = {
  mode: string({ default: 'none', oneOf: ['none', 'basic', 'oauth2'] }),
  basic: record({
    username: string({ required: true, encrypted: true, referenceable: true }),
    password: string({ required: true, encrypted: true, referenceable: true }),
  }),
  oauth2: record(oauth2Fields, { description: 'Access tokens, kept until shortly before they expire.' }),
  oauth2_client: record(oauth2ClientFields, {
    checks: [defaultOnly(oauth2ClientFields, ['http_version'])],
  }),
  logical_cluster_id: string({ description: 'Sent as header target-sr-cluster.' }),
  identity_pool_id: string({ description: 'Sent as header Confluent-Identity-Pool-Id.' }),
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
  message_name: string({
    lenMin: 1,
    description:
      "Of a Protobuf schema: the message, by its full name or its name within the file's package; the file's first by default.",
  }),
};

const confluentFields = {
  url: string({ required: true, check: httpUrl, description: 'The registry, with the path of its Confluent API.' }),
  ttl: integer({
    requiredToUnderstand: false,
    default: 60,
    between: [0, 3600],
    description:
      "How long an answer for 'latest' is used before it is asked for again (s). Schemas by id never expire.",
  }),
  ssl_verify: boolean({
    requiredToUnderstand: false,
    default: true,
    description: "Whether the registry's certificate must be good.",
  }),
  authentication: record(authenticationFields, {
    // Without it the registry refuses; nothing else is written.
    requiredToUnderstand: false,
    required: true,
    checks: [recordCheck(authenticationFields, checkAuthentication)],
  }),
  subject_name_strategy: string({
    default: 'subject_name',
    oneOf: ['subject_name', 'topic'],
    description:
      "Where the subject comes from: the field subject_name, or the record's topic (<topic>-value, <topic>-key).",
  }),
  key_schema: record(subjectFields, {
    description:
      "The schema of record keys. A schema that takes strings only gets the key's text as a string; any other gets it as JSON, or as a string where it is not JSON. A record without a key is not checked.",
  }),
  value_schema: record(subjectFields, { description: 'The schema of record values.' }),
};

const schemaNames = ['key_schema', 'value_schema'] as const;

/** A registry of which no schema is wanted is not used, whatever else is said of it. */
function namesNoSubject(registry: Readonly<Record<string, unknown>>): boolean {
  const isUnused = schemaNames.every((name) => saysNothing(confluentFields[name], registry[name]));
  return isUnused && registry['subject_name_strategy'] !== 'topic';
}

/** Where topics name the subjects, a schema needs no field of its own. */
function schemasOfTopics(registry: Readonly<Record<string, unknown>>): readonly string[] {
  return registry['subject_name_strategy'] === 'topic' ? schemaNames : [];
}

/** The field `schema_registry` of every Kafka plugin. */
export const schemaRegistry = record(
  {
    confluent: record(confluentFields, {
      checks: [recordCheck(confluentFields, checkConfluent)],
      isIdle: namesNoSubject,
      keeps: schemasOfTopics,
    }),
  },
  {
    requiredToUnderstand: true,
    description:
      "A registry with Confluent's API, whose schemas record values and keys must fit. One of value_schema and key_schema is needed.",
  },
);

/** Both stood beside `authentication` in older versions. */
export const movedRegistryFields: readonly MovedField[] = ['logical_cluster_id', 'identity_pool_id'].map((name) => ({
  from: `schema_registry.confluent.${name}`,
  to: `schema_registry.confluent.authentication.${name}`,
}));

export type ConfluentRegistryConfig = InferFields<typeof confluentFields>;

/** Registries count versions in 32 bits. */
function schemaVersion(value: string): string | undefined {
  const isVersion = value === 'latest' || (/^[1-9][0-9]{0,9}$/.test(value) && Number(value) <= 2_147_483_647);
  return isVersion ? undefined : "expected a positive number or 'latest'";
}

function checkAuthentication(authentication: InferFields<typeof authenticationFields>): FieldFault[] {
  const { mode, basic, oauth2, oauth2_client: client } = authentication;
  const faults: FieldFault[] = [];
  const missing = (...path: string[]): void => void faults.push({ path, message: 'required field missing' });
  if (mode === 'basic' && basic === null) missing('basic');
  if (mode !== 'oauth2') return faults;
  if (oauth2 === null) {
    missing('oauth2');
    return faults;
  }
  const proves = client?.auth_method !== 'none';
  // A password alone may do for a client that is not known by name.
  if (oauth2.client_id === null && (proves || oauth2.grant_type === 'client_credentials')) {
    missing('oauth2', 'client_id');
  }
  if (oauth2.client_secret === null && proves) missing('oauth2', 'client_secret');
  if (oauth2.grant_type === 'password') {
    if (oauth2.username === null) missing('oauth2', 'username');
    if (oauth2.password === null) missing('oauth2', 'password');
  }
  return faults;
}

function checkConfluent(registry: ConfluentRegistryConfig): FieldFault[] {
  if (registry.key_schema === null && registry.value_schema === null) {
    return [{ path: ['value_schema'], message: 'required field missing' }];
  }
  if (registry.subject_name_strategy === 'topic') return [];
  return (['key_schema', 'value_schema'] as const)
    .filter((name) => registry[name] !== null && registry[name].subject_name === null)
    .map((name) => ({ path: [name, 'subject_name'], message: 'required field missing' }));
}
