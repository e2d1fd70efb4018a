/** The clusters' topics and routes, and what each request of the outcome table must bring. */

/** How Kafka is doing: well; its processes stopped in their tracks; one broker of three gone; all gone. */
export type KafkaState = 'well' | 'asleep' | 'halved' | 'gone';

export interface Names {
  readonly open: string;
  readonly second: string;
  /** Takes records up to 2,000 bytes. */
  readonly small: string;
  /** Takes records up to 1,000 bytes, and the user may ask for that limit. */
  readonly tiny: string;
  /** Exists, and the user may not even see it. */
  readonly secret: string;
  /** The user may see it but not write. */
  readonly readOnly: string;
  readonly absent: string;
  /** A replica on each broker, all demanded. */
  readonly replicated: string;
  /** Kafka takes records with keys only. */
  readonly compacted: string;
}

export interface Row {
  readonly state: KafkaState;
  readonly name: string;
  readonly route: RouteName;
  readonly query?: (names: Names) => string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of a request with this id; a JSON object by default. */
  readonly body?: (id: string) => string;
  readonly expected: {
    readonly status: number;
    readonly outcome: string;
    readonly code?: string;
    readonly retryable?: boolean;
    readonly retryAfter?: true;
    /** The `limit` in `details`; null: there are no details. */
    readonly limit?: number | null;
    /** Outcome and code of each topic in `records`. */
    readonly records?: (names: Names) => readonly { topic: string; outcome: string; code?: string }[];
  };
  readonly withinMs: readonly [number, number];
  /** What differs for a gRPC call with these bytes as its message; null: the row is none of gRPC. */
  readonly overGrpc?: Partial<Row['expected']> | null;
  /** The route of that call, where the request before it leaves a batch under way. */
  readonly grpcRoute?: RouteName;
  /** Topics that must hold the record; every other one must not, except for `unknown`. */
  readonly written?: (names: Names) => readonly string[];
}

export type RouteName = keyof ReturnType<typeof routeConfigs>;

/** Answers at once, on a machine that has other things to do. */
const quickMs = [0, 900] as const;
export const deliveryTimeoutMs = 1_500;
/** Answers at the deadline. */
const deadlineMs = [deliveryTimeoutMs - 100, deliveryTimeoutMs + 1_000] as const;
export const wrongPassword = 'wrong-pAssw0rd';

export interface RouteContext {
  readonly names: Names;
  readonly brokers: readonly { host: string; port: number }[];
  readonly user: string;
  readonly password: string;
  readonly registry: string;
  readonly subject: string;
  /** A port that nobody listens on. */
  readonly deafPort: number;
}

export function routeConfigs(context: RouteContext) {
  const { names, brokers, user, password, registry, subject, deafPort } = context;
  const login = (secret: string) => ({ strategy: 'sasl', mechanism: 'PLAIN', user, password: secret });
  const base = {
    bootstrap_servers: brokers,
    authentication: login(password),
    topic: names.open,
    record_value: 'body',
    delivery_timeout: deliveryTimeoutMs,
    timeout: 1_000,
    producer_request_timeout: 4_000,
  };
  const confluent = (url: string, subject_name: string) => ({
    ...base,
    schema_registry: { confluent: { url, value_schema: { subject_name, schema_version: 'latest' } } },
  });
  const deaf = [{ host: '127.0.0.1', port: deafPort }];
  return {
    plain: base,
    async: { ...base, producer_async: true },
    acks0: { ...base, producer_request_acks: 0 },
    acks1: { ...base, producer_request_acks: 1 },
    envelope: { ...base, record_value: 'envelope' },
    lua: {
      ...base,
      record_value: 'envelope',
      message_by_lua_functions: [
        'return function(m) if m.body_args.fail then error("no") end while m.body_args.loop do end return m.body_args end',
      ],
    },
    keyed: { ...base, key_query_arg: 'key' },
    topics: {
      ...base,
      topics_query_arg: 'topics',
      allowed_topics: [names.second, names.small, names.secret, names.readOnly, names.absent, 'any*'],
    },
    small: { ...base, topic: names.small },
    tiny: { ...base, topic: names.tiny },
    secret: { ...base, topic: names.secret },
    readOnly: { ...base, topic: names.readOnly },
    absent: { ...base, topic: names.absent },
    replicated: { ...base, topic: names.replicated },
    compacted: { ...base, topic: names.compacted },
    gated: {
      ...base,
      timeout: 1_003,
      producer_async: true,
      producer_async_health_gating: true,
      producer_async_health_failure_threshold: 1,
      producer_async_health_probe_interval: 2_000,
    },
    schema: confluent(registry, subject),
    noSubject: confluent(registry, `${subject}-none`),
    noRegistry: confluent(`http://127.0.0.1:${deafPort}/apis/ccompat/v7`, subject),
    unreachable: { ...base, bootstrap_servers: deaf },
    wrongLogin: { ...base, authentication: login(wrongPassword), delivery_timeout: 8_000 },
    // A time-out of its own makes a producer of its own: limits are shared by all who share one.
    crowded: { ...base, timeout: 1_001, producer_async_buffering_limits_messages_in_memory: 2 },
    narrow: { ...base, timeout: 1_002, producer_async_buffering_limits_bytes_in_memory: 1_000 },
  } as const;
}

const acked = { status: 200, outcome: 'acked' } as const;
const accepted = { status: 200, outcome: 'accepted' } as const;
const rejected = { outcome: 'rejected', retryable: false } as const;
const notSent = { outcome: 'not_sent', retryable: true } as const;
const unavailable = { status: 503, code: 'KAFKA_UNAVAILABLE', ...notSent, retryAfter: true } as const;
const open = ({ open }: Names) => [open];
const large = (id: string) => JSON.stringify({ id, pad: 'x'.repeat(3_000) });
const partial = { status: 500, code: 'PARTIAL', outcome: 'partial', retryable: false } as const;

/** Rows that one request each provokes. */
export const rows: readonly Row[] = [
  { state: 'well', name: 'acks -1', route: 'plain', expected: acked, withinMs: quickMs, written: open },
  { state: 'well', name: 'acks 1', route: 'acks1', expected: acked, withinMs: quickMs, written: open },
  {
    state: 'well',
    name: 'the envelope',
    route: 'envelope',
    expected: acked,
    withinMs: quickMs,
    written: open,
    // The message is in it as base64.
    overGrpc: null,
  },
  {
    state: 'well',
    name: 'a key',
    route: 'keyed',
    query: () => '?key=k',
    expected: acked,
    withinMs: quickMs,
    written: open,
  },
  {
    state: 'well',
    name: 'a schema',
    route: 'schema',
    expected: acked,
    withinMs: quickMs,
    written: open,
    // It is an Avro schema, and the message counts as Protobuf.
    overGrpc: { status: 422, code: 'SCHEMA_VALIDATION_FAILED', outcome: 'rejected', retryable: false },
  },
  {
    state: 'well',
    name: 'Lua that fails',
    route: 'lua',
    body: (id) => JSON.stringify({ id, fail: true }),
    expected: { status: 500, code: 'LUA_ERROR', outcome: 'not_sent', retryable: false },
    withinMs: quickMs,
    overGrpc: null,
  },
  {
    state: 'well',
    name: 'Lua that loops without end',
    route: 'lua',
    body: (id) => JSON.stringify({ id, loop: true }),
    expected: { status: 500, code: 'LUA_ERROR', outcome: 'not_sent', retryable: false },
    withinMs: quickMs,
    overGrpc: null,
  },
  { state: 'well', name: 'async', route: 'async', expected: accepted, withinMs: quickMs, written: open },
  { state: 'well', name: 'acks 0', route: 'acks0', expected: accepted, withinMs: quickMs, written: open },
  {
    state: 'well',
    name: 'several topics, all acked',
    route: 'topics',
    query: ({ open, second }) => `?topics=${open},${second}`,
    expected: acked,
    withinMs: quickMs,
    written: ({ open, second }) => [open, second],
  },
  {
    state: 'well',
    name: 'broken JSON',
    route: 'envelope',
    body: (id) => `{"id":"${id}",`,
    expected: { status: 400, code: 'BODY_INVALID', ...rejected },
    withinMs: quickMs,
    overGrpc: null,
  },
  {
    state: 'well',
    name: 'too many arguments of a query that holds the key',
    route: 'keyed',
    query: () => `?key=a${'&a'.repeat(1_000)}`,
    expected: { status: 400, code: 'ARGUMENTS_TOO_MANY', ...rejected, limit: 1_000 },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'too many fields of a form',
    route: 'envelope',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: (id) => `id=${id}${'&a'.repeat(1_000)}`,
    expected: { status: 400, code: 'BODY_INVALID', ...rejected, limit: 1_000 },
    withinMs: quickMs,
    overGrpc: null,
  },
  {
    state: 'well',
    name: 'two keys',
    route: 'keyed',
    query: () => '?key=a&key=b',
    expected: { status: 400, code: 'KEY_INVALID', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'no key for a compacted topic',
    route: 'compacted',
    expected: { status: 400, code: 'KEY_INVALID', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a topic with an illegal name',
    route: 'topics',
    query: () => '?topics=any%20thing',
    expected: { status: 400, code: 'TOPIC_INVALID', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'one topic of two not allowed',
    route: 'topics',
    query: ({ open }) => `?topics=${open},elsewhere`,
    expected: { status: 403, code: 'TOPIC_NOT_ALLOWED', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a named topic that the user may not see',
    route: 'topics',
    query: ({ secret }) => `?topics=${secret}`,
    expected: { status: 403, code: 'TOPIC_AUTHORIZATION_FAILED', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a named topic that the user may not write',
    route: 'topics',
    query: ({ readOnly }) => `?topics=${readOnly}`,
    expected: { status: 403, code: 'TOPIC_AUTHORIZATION_FAILED', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a named topic that does not exist',
    route: 'topics',
    query: ({ absent }) => `?topics=${absent}`,
    expected: { status: 404, code: 'TOPIC_NOT_FOUND', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'the configured topic, which the user may not see',
    route: 'secret',
    expected: { status: 502, code: 'TOPIC_AUTHORIZATION_FAILED', ...notSent },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'the configured topic, which the user may not write',
    route: 'readOnly',
    expected: { status: 502, code: 'TOPIC_AUTHORIZATION_FAILED', ...notSent },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'the configured topic, which does not exist',
    route: 'absent',
    expected: { status: 502, code: 'TOPIC_NOT_FOUND', ...notSent },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a body over the limit',
    route: 'plain',
    body: (id) => JSON.stringify({ id, pad: 'x'.repeat(1_100_000) }),
    expected: { status: 413, code: 'BODY_TOO_LARGE', ...rejected, limit: 1_048_576 },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a record over the limit of its topic',
    route: 'small',
    body: large,
    expected: { status: 413, code: 'RECORD_TOO_LARGE', ...rejected, limit: null },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a record over the limit of its topic, where the user may see it',
    route: 'tiny',
    body: large,
    expected: { status: 413, code: 'RECORD_TOO_LARGE', ...rejected, limit: 1_000 },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a content encoding that is not known',
    route: 'plain',
    headers: { 'content-encoding': 'compress' },
    expected: { status: 415, code: 'ENCODING_UNSUPPORTED', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'data that does not fit the schema',
    route: 'schema',
    body: (id) => JSON.stringify({ id, quantity: 'two' }),
    expected: { status: 422, code: 'SCHEMA_VALIDATION_FAILED', ...rejected },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a subject that the registry does not know',
    route: 'noSubject',
    expected: { status: 502, code: 'SCHEMA_NOT_FOUND', ...notSent },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'a registry that is not there',
    route: 'noRegistry',
    expected: { status: 503, code: 'SCHEMA_REGISTRY_UNAVAILABLE', ...notSent, retryAfter: true },
    withinMs: [0, deliveryTimeoutMs + 1_000],
  },
  {
    state: 'well',
    name: 'a record that is larger than the whole queue',
    route: 'narrow',
    body: large,
    expected: { status: 413, code: 'RECORD_TOO_LARGE', ...rejected, limit: 1_000 },
    withinMs: quickMs,
  },
  {
    state: 'well',
    name: 'brokers that are not there',
    route: 'unreachable',
    expected: unavailable,
    withinMs: deadlineMs,
  },
  { state: 'well', name: 'a wrong password', route: 'wrongLogin', expected: unavailable, withinMs: [0, 2_000] },
  {
    state: 'well',
    name: 'two topics, one does not exist',
    route: 'topics',
    query: ({ open, absent }) => `?topics=${absent},${open}`,
    expected: {
      ...partial,
      records: ({ open, absent }) => [
        { topic: absent, outcome: 'rejected', code: 'TOPIC_NOT_FOUND' },
        { topic: open, outcome: 'acked' },
      ],
    },
    withinMs: quickMs,
    written: open,
  },
  {
    state: 'well',
    name: 'four topics: acked, too large, denied, unknown',
    route: 'topics',
    query: ({ open, small, readOnly, absent }) => `?topics=${open},${small},${readOnly},${absent}`,
    body: large,
    expected: {
      ...partial,
      records: ({ open, small, readOnly, absent }) => [
        { topic: open, outcome: 'acked' },
        { topic: small, outcome: 'rejected', code: 'RECORD_TOO_LARGE' },
        { topic: readOnly, outcome: 'rejected', code: 'TOPIC_AUTHORIZATION_FAILED' },
        { topic: absent, outcome: 'rejected', code: 'TOPIC_NOT_FOUND' },
      ],
    },
    withinMs: quickMs,
    written: open,
  },
  {
    state: 'asleep',
    name: 'no verdict by the deadline',
    route: 'plain',
    expected: { status: 504, code: 'DELIVERY_UNKNOWN', outcome: 'unknown', retryable: true },
    withinMs: deadlineMs,
    grpcRoute: 'acks1',
  },
  {
    state: 'halved',
    name: 'fewer replicas than the topic demands',
    route: 'replicated',
    expected: { status: 503, code: 'NOT_ENOUGH_REPLICAS', ...notSent, retryAfter: true },
    withinMs: [0, deliveryTimeoutMs + 1_000],
  },
  { state: 'gone', name: 'brokers that are gone', route: 'plain', expected: unavailable, withinMs: deadlineMs },
  { state: 'gone', name: 'async, while there is room', route: 'async', expected: accepted, withinMs: quickMs },
];
