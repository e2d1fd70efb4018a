import { createHmac } from 'node:crypto';
import { hashDocumentPassword } from '../../../shared/entities/password-hash.ts';
import { signed } from './jwt/tokens.ts';
import { ada, people, type Bodies, type Request, type Values } from './guard-fixture.ts';
import { plainSecret, signHeaders, standardSecret } from './webhook-schemes/sign.ts';

/** A field, and requests with which a config that sets it means something else than one that does not. */
export interface FieldRow {
  readonly field: string;
  /** Both configs have this; a required field must stand here. */
  readonly base?: Values;
  /** The field's other value, with whatever it cannot be without. */
  readonly config: Values;
  readonly requests: readonly Request[];
  /** Other plugins of the route. */
  readonly beside?: readonly Values[];
}

/** A field of Kong that has no meaning here: a value other than its default is refused. */
export interface RefusedField {
  readonly field: string;
  readonly base?: Values;
  readonly refused: Values;
}

const form = ['content-type', 'application/x-www-form-urlencoded'];
const withKey: Request = { headers: ['apikey', 'ada-key'] };

const keyAuth = { name: 'key-auth', config: {} };

const preflight: Request = {
  method: 'OPTIONS',
  headers: [
    'origin',
    'https://a.example',
    'access-control-request-method',
    'PUT',
    'access-control-request-headers',
    'x-b',
    'access-control-request-private-network',
    'true',
  ],
};

const loginId = 'eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee';
const withLogin: Request = { headers: ['authorization', `Basic ${Buffer.from('ada:p').toString('base64')}`] };

const token = signed({ alg: 'HS256' }, { iss: 'ada', exp: 4_000_000_000 }, 'ada-secret');
const withToken: Request = { headers: ['authorization', `Bearer ${token}`] };

/** A request whose date is signed. */
function signedAt(date: Date): Request {
  const text = date.toUTCString();
  const mac = createHmac('sha256', 'ada-secret').update(`date: ${text}`).digest('base64');
  const authorization = `hmac username="ada", algorithm="hmac-sha256", headers="date", signature="${mac}"`;
  return { headers: ['date', text, 'authorization', authorization], body: 'b' };
}

const withSignature = signedAt(new Date(Date.UTC(2020, 1)));
const anyDate = { clock_skew: 1_000_000_000 };

/** Entities that the requests of all rows find. */
export const fieldRowEntities: Bodies = {
  ...people,
  jwt_secrets: [{ key: 'ada', secret: 'ada-secret', consumer: { id: ada.id } }],
  hmacauth_credentials: [{ username: 'ada', secret: 'ada-secret', consumer: { id: ada.id } }],
  acls: [{ group: 'staff', consumer: { id: ada.id } }],
  basicauth_credentials: [
    { id: loginId, username: 'ada', password: hashDocumentPassword('p', loginId), consumer: { id: ada.id } },
  ],
};
const github: Values = { scheme: 'github', secrets: [plainSecret] };
const standard: Values = { scheme: 'standard', secrets: [standardSecret], tolerance: 86_400 };
/** Signed an hour ago: a run of all tests takes minutes. */
const hourOld = (id: string): Request => ({
  headers: signHeaders('standard', 'b', { id, timestamp: Math.floor(Date.now() / 1000) - 3600 }),
  body: 'b',
});
const json = ['content-type', 'application/json'];

/** Rows for the lists of a transformer that change one kind of values, of which the request or answer has `name`. */
function changed(part: string, request: Request, name = 'a'): FieldRow[] {
  const requests = [request];
  return [
    { field: `remove.${part}`, config: { remove: { [part]: [name] } }, requests },
    { field: `rename.${part}`, config: { rename: { [part]: [`${name}:x-other`] } }, requests },
    { field: `replace.${part}`, config: { replace: { [part]: [`${name}:other`] } }, requests },
    { field: `add.${part}`, config: { add: { [part]: ['x-other:1'] } }, requests },
    { field: `append.${part}`, config: { append: { [part]: [`${name}:2`] } }, requests },
  ];
}

const other: Request = { clientAddress: '192.0.2.2' };
const noRedis: Values = { year: 9, policy: 'redis', fault_tolerant: false, redis: { host: '127.0.0.1', port: 1 } };

/** Rows by plugin; every published field has one. */
export const fieldRows: Readonly<Record<string, readonly (FieldRow | RefusedField)[]>> = {
  'key-auth': [
    { field: 'key_names', config: { key_names: ['x-key'] }, requests: [withKey] },
    { field: 'hide_credentials', config: { hide_credentials: true }, requests: [withKey] },
    { field: 'anonymous', config: { anonymous: 'guest' }, requests: [{}] },
    { field: 'key_in_header', config: { key_in_header: false }, requests: [withKey] },
    { field: 'key_in_query', config: { key_in_query: false }, requests: [{ target: '/?apikey=ada-key' }] },
    { field: 'key_in_body', config: { key_in_body: true }, requests: [{ headers: form, body: 'apikey=ada-key' }] },
    { field: 'run_on_preflight', config: { run_on_preflight: false }, requests: [{ method: 'OPTIONS' }] },
    { field: 'realm', config: { realm: 'api' }, requests: [{}] },
  ],
  'basic-auth': [
    { field: 'anonymous', config: { anonymous: 'guest' }, requests: [{}] },
    { field: 'hide_credentials', config: { hide_credentials: true }, requests: [withLogin] },
    { field: 'realm', config: { realm: 'api' }, requests: [{}] },
  ],
  acl: [
    {
      field: 'allow',
      base: { deny: ['x'] },
      config: { deny: null, allow: ['x'] },
      requests: [withKey],
      beside: [keyAuth],
    },
    {
      field: 'deny',
      base: { allow: ['staff'] },
      config: { allow: null, deny: ['staff'] },
      requests: [withKey],
      beside: [keyAuth],
    },
    {
      field: 'hide_groups_header',
      base: { allow: ['staff'] },
      config: { hide_groups_header: true },
      requests: [withKey],
      beside: [keyAuth],
    },
    { field: 'include_consumer_groups', base: { allow: ['x'] }, refused: { include_consumer_groups: true } },
    {
      field: 'always_use_authenticated_groups',
      base: { allow: ['x'] },
      refused: { always_use_authenticated_groups: true },
    },
  ],
  jwt: [
    { field: 'uri_param_names', config: { uri_param_names: ['t'] }, requests: [{ target: `/?t=${token}` }] },
    { field: 'cookie_names', config: { cookie_names: ['t'] }, requests: [{ headers: ['cookie', `t=${token}`] }] },
    { field: 'key_claim_name', config: { key_claim_name: 'sub' }, requests: [withToken] },
    { field: 'secret_is_base64', config: { secret_is_base64: true }, requests: [withToken] },
    { field: 'claims_to_verify', config: { claims_to_verify: ['nbf'] }, requests: [withToken] },
    { field: 'anonymous', config: { anonymous: 'guest' }, requests: [{}] },
    { field: 'run_on_preflight', config: { run_on_preflight: false }, requests: [{ method: 'OPTIONS' }] },
    {
      field: 'maximum_expiration',
      base: { claims_to_verify: ['exp'] },
      config: { maximum_expiration: 1 },
      requests: [withToken],
    },
    { field: 'header_names', config: { header_names: ['x-t'] }, requests: [withToken] },
    { field: 'realm', config: { realm: 'api' }, requests: [{}] },
  ],
  'hmac-auth': [
    { field: 'hide_credentials', base: anyDate, config: { hide_credentials: true }, requests: [withSignature] },
    { field: 'clock_skew', config: anyDate, requests: [withSignature] },
    { field: 'anonymous', config: { anonymous: 'guest' }, requests: [{}] },
    {
      field: 'validate_request_body',
      base: anyDate,
      config: { validate_request_body: true },
      requests: [withSignature],
    },
    { field: 'enforce_headers', base: anyDate, config: { enforce_headers: ['x-a'] }, requests: [withSignature] },
    { field: 'algorithms', base: anyDate, config: { algorithms: ['hmac-sha1'] }, requests: [withSignature] },
    { field: 'realm', config: { realm: 'api' }, requests: [{}] },
  ],
  'request-termination': [
    { field: 'status_code', config: { status_code: 404 }, requests: [{}] },
    { field: 'message', config: { message: 'm' }, requests: [{}] },
    { field: 'body', config: { body: 'b' }, requests: [{}] },
    { field: 'content_type', base: { body: 'b' }, config: { content_type: 'text/plain' }, requests: [{}] },
    { field: 'echo', config: { echo: true }, requests: [{}] },
    { field: 'trigger', config: { trigger: 'x-stop' }, requests: [{}] },
  ],
  'correlation-id': [
    {
      field: 'header_name',
      config: { header_name: 'x-id' },
      requests: [{ headers: ['kong-request-id', '1', 'x-id', ''] }],
    },
    { field: 'generator', config: { generator: 'tracker' }, requests: [{}] },
    { field: 'echo_downstream', config: { echo_downstream: true }, requests: [{ headers: ['kong-request-id', '1'] }] },
  ],
  'rate-limiting': [
    ...['second', 'minute', 'hour', 'day', 'month'].map((period) => ({
      field: period,
      base: { year: 9 },
      config: { [period]: 1 },
      requests: [{}],
    })),
    { field: 'year', base: { month: 8 }, config: { year: 9 }, requests: [{}] },
    { field: 'limit_by', base: { year: 1 }, config: { limit_by: 'service' }, requests: [{}, other] },
    {
      field: 'header_name',
      base: { year: 1, limit_by: 'header', header_name: 'x-a' },
      config: { header_name: 'x-b' },
      requests: [{ headers: ['x-b', '1'] }, { headers: ['x-b', '2'] }],
    },
    {
      field: 'path',
      base: { year: 1, limit_by: 'path', path: '/b' },
      config: { path: '/a' },
      requests: [{ target: '/a' }, { target: '/a', ...other }],
    },
    { field: 'policy', base: { ...noRedis, policy: 'local' }, config: { policy: 'redis' }, requests: [{}] },
    { field: 'fault_tolerant', base: noRedis, config: { fault_tolerant: true }, requests: [{}] },
    { field: 'sync_rate', base: noRedis, config: { sync_rate: 1 }, requests: [{}] },
    { field: 'hide_client_headers', base: { year: 1 }, config: { hide_client_headers: true }, requests: [{}] },
    { field: 'error_code', base: { year: 1 }, config: { error_code: 503 }, requests: [{}, {}] },
    { field: 'error_message', base: { year: 1 }, config: { error_message: 'm' }, requests: [{}, {}] },
  ],
  'webhook-signature': [
    { field: 'scheme', base: github, config: { scheme: 'slack' }, requests: [{ headers: signHeaders('github', '') }] },
    { field: 'secrets', base: github, config: { secrets: ['x'] }, requests: [{ headers: signHeaders('github', '') }] },
    { field: 'tolerance', base: standard, config: { tolerance: 60 }, requests: [hourOld('a')] },
    { field: 'replay_window', base: standard, config: { replay_window: 60 }, requests: [hourOld('a'), hourOld('a')] },
    {
      field: 'replay_max',
      base: { ...standard, replay_window: 60 },
      config: { replay_max: 1 },
      requests: [hourOld('a'), hourOld('b'), hourOld('a')],
    },
    { field: 'consumer', base: standard, config: { consumer: 'ada' }, requests: [hourOld('a')] },
  ],
  'standard-webhooks': [
    {
      field: 'secret_v1',
      base: { secret_v1: standardSecret, tolerance_second: 86_400 },
      config: { secret_v1: 'x' },
      requests: [hourOld('a')],
    },
    {
      field: 'tolerance_second',
      base: { secret_v1: standardSecret, tolerance_second: 86_400 },
      config: { tolerance_second: 60 },
      requests: [hourOld('a')],
    },
  ],
  'request-transformer': [
    { field: 'http_method', config: { http_method: 'PUT' }, requests: [{}] },
    { field: 'replace.uri', config: { replace: { uri: '/other' } }, requests: [{}] },
    ...changed('body', { headers: json, body: '{"a":1}' }),
    ...changed('headers', { headers: ['a', '1'] }),
    ...changed('querystring', { target: '/?a=1' }),
  ],
  'response-transformer': [
    // The service of the test has this header, and a JSON object with the member `a`.
    ...changed('headers', {}, 'access-control-allow-origin'),
    ...changed('json', {}, 'a'),
    ...['replace', 'add', 'append'].map((kind) => ({
      field: `${kind}.json_types`,
      base: { [kind]: { json: [kind === 'add' ? 'b:1' : 'a:1'] } },
      config: { [kind]: { json: [kind === 'add' ? 'b:1' : 'a:1'], json_types: ['number'] } },
      requests: [{}],
    })),
  ],
  'ip-restriction': [
    { field: 'allow', base: { deny: ['10.0.0.1'] }, config: { allow: ['10.0.0.2'] }, requests: [{}] },
    { field: 'deny', base: { allow: ['192.0.2.1'] }, config: { deny: ['192.0.2.1'] }, requests: [{}] },
    { field: 'status', base: { deny: ['192.0.2.1'] }, config: { status: 404 }, requests: [{}] },
    { field: 'message', base: { deny: ['192.0.2.1'] }, config: { message: 'm' }, requests: [{}] },
  ],
  'request-size-limiting': [
    {
      field: 'allowed_payload_size',
      config: { allowed_payload_size: 1 },
      requests: [{ headers: ['content-length', '9999999'] }],
    },
    { field: 'size_unit', config: { size_unit: 'bytes' }, requests: [{ headers: ['content-length', '9999'] }] },
    { field: 'require_content_length', config: { require_content_length: true }, requests: [{}] },
  ],
  cors: [
    {
      field: 'origins',
      config: { origins: ['https://a.example'] },
      requests: [{ headers: ['origin', 'https://a.example'] }],
    },
    { field: 'headers', config: { headers: ['x-a'] }, requests: [preflight] },
    { field: 'exposed_headers', config: { exposed_headers: ['x-a'] }, requests: [{}] },
    { field: 'methods', config: { methods: ['GET'] }, requests: [preflight] },
    { field: 'max_age', config: { max_age: 1 }, requests: [preflight] },
    { field: 'credentials', config: { credentials: true }, requests: [preflight] },
    { field: 'private_network', config: { private_network: true }, requests: [preflight] },
    { field: 'preflight_continue', config: { preflight_continue: true }, requests: [preflight] },
  ],
};
