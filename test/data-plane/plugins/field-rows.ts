import { createHmac } from 'node:crypto';
import { hashDocumentPassword } from '../../../shared/entities/password-hash.ts';
import { signed } from './jwt/tokens.ts';
import { ada, people, type Bodies, type Request, type Values } from './guard-fixture.ts';

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
