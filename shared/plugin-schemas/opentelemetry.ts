import { checkHeaderName } from '../schema/header-name.ts';
import { atLeastOneOf } from '../schema/checks.ts';
import { array, element, integer, map, number, record, string, type InferFields } from '../schema/field.ts';
import { isReference } from '../vault-reference.ts';
import type { PluginSchema } from './plugin-schema.ts';
import { defaultOnly } from './record-checks.ts';

const formats = ['aws', 'b3', 'b3-single', 'datadog', 'gcp', 'instana', 'jaeger', 'ot', 'w3c'] as const;
const timeout = { between: [0, 2_147_483_646] } as const;

function checkUrl(text: string): string | undefined {
  const isUrl = isReference(text) || (/^https?:\/\//.test(text) && URL.canParse(text));
  return isUrl ? undefined : 'expected an http or https URL';
}

const queue = {
  max_batch_size: integer({ default: 200, between: [1, 1_000_000], description: 'Spans of one export at most.' }),
  max_coalescing_delay: number({
    default: 1,
    between: [0, 3600],
    description: 'Time for which spans are gathered (s).',
  }),
  max_entries: integer({
    default: 10_000,
    between: [1, 1_000_000],
    description: 'Spans that wait for their export; more are dropped.',
  }),
  max_bytes: integer({ description: 'Not supported.' }),
  max_retry_time: number({ default: 60, description: 'Not supported: an export is tried once.' }),
  initial_retry_delay: number({ default: 0.01, description: 'Not supported.' }),
  max_retry_delay: number({ default: 60, description: 'Not supported.' }),
  concurrency_limit: integer({ default: 1, description: 'Not supported: exports follow one another.' }),
} as const;

const formatList = (description: string) => array(string({ ...element, oneOf: formats }), { description });

const propagation = {
  extract: formatList('Not supported: W3C is read.'),
  clear: array(string(element), { description: 'Not supported.' }),
  inject: formatList('Not supported: W3C is written.'),
  default_format: string({ required: true, default: 'w3c', oneOf: formats, description: 'Not supported but for W3C.' }),
} as const;

const fields = {
  traces_endpoint: string({
    referenceable: true,
    check: checkUrl,
    description: 'The URL to which spans are sent (OTLP over HTTP, JSON).',
  }),
  logs_endpoint: string({ referenceable: true, check: checkUrl, description: 'Not supported.' }),
  headers: map(
    string({ ...element, check: checkHeaderName }),
    string({ ...element, referenceable: true, encrypted: true }),
    {
      description: 'Headers of each export.',
    },
  ),
  resource_attributes: map(string(element), string(element), {
    description: "Attributes of the node's resource, beside `service.name` and others of its own.",
  }),
  queue: record(queue, {
    required: true,
    checks: [
      defaultOnly(queue, [
        'max_bytes',
        'max_retry_time',
        'initial_retry_delay',
        'max_retry_delay',
        'concurrency_limit',
      ]),
    ],
  }),
  batch_span_count: integer({ description: 'Not supported: see queue.max_batch_size.' }),
  batch_flush_delay: integer({ description: 'Not supported: see queue.max_coalescing_delay.' }),
  connect_timeout: integer({ default: 1000, ...timeout, description: 'Not supported: read_timeout bounds an export.' }),
  send_timeout: integer({ default: 5000, ...timeout, description: 'Not supported: read_timeout bounds an export.' }),
  read_timeout: integer({ default: 5000, ...timeout, description: 'Time limit of an export (ms).' }),
  http_response_header_for_traceid: string({
    check: checkHeaderName,
    description: 'A header of answers that names the trace.',
  }),
  header_type: string({
    default: 'preserve',
    oneOf: ['preserve', 'ignore', ...formats],
    description: 'Not supported but for W3C, which is read and written.',
  }),
  sampling_rate: number({
    between: [0, 1],
    description:
      'The part of the traces that begin here which is sampled; all, without it. A caller decides for its own.',
  }),
  propagation: record(propagation, {
    required: true,
    checks: [defaultOnly(propagation, Object.keys(propagation))],
  }),
} as const;

export type OpenTelemetryConfig = InferFields<typeof fields>;

/** Sends the spans of requests to an endpoint of its own. */
export const openTelemetrySchema: PluginSchema<OpenTelemetryConfig> = {
  name: 'opentelemetry',
  version: '0.1.0',
  priority: 14,
  protocols: ['grpc', 'grpcs', 'http', 'https'],
  scopes: ['service', 'route', 'consumer'],
  moved: [{ from: 'endpoint', to: 'traces_endpoint' }],
  config: record(fields, {
    required: true,
    checks: [
      atLeastOneOf(['traces_endpoint', 'logs_endpoint']),
      defaultOnly(fields, [
        'logs_endpoint',
        'batch_span_count',
        'batch_flush_delay',
        'connect_timeout',
        'send_timeout',
        'header_type',
      ]),
    ],
  }),
};
