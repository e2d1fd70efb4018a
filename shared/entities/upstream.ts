import { distinct, oneOfWhen, requiredWhen } from '../schema/checks.ts';
import { boolean, foreign, integer, string, type InferFields } from '../schema/field.ts';
import { idField, tagsField, timeFields } from './common-fields.ts';
import type { EntityDescriptor } from './entity.ts';
import { checkCookieName, checkHeaderName } from '../schema/header-name.ts';
import { healthChecksField } from './health-checks.ts';
import { checkHostWithPort, checkUpstreamName } from './host.ts';
import { checkServicePath } from './path.ts';

const hashInputs = ['none', 'consumer', 'ip', 'header', 'cookie', 'path', 'query_arg', 'uri_capture'] as const;

export const upstreamFields = {
  id: idField,
  ...timeFields,
  name: string({
    required: true,
    unique: true,
    check: checkUpstreamName,
    description: 'The host name that services use for it.',
  }),
  algorithm: string({
    default: 'round-robin',
    oneOf: ['consistent-hashing', 'latency', 'least-connections', 'round-robin'],
  }),
  hash_on: string({ default: 'none', oneOf: hashInputs, description: 'What of a request is hashed.' }),
  hash_fallback: string({ default: 'none', oneOf: hashInputs, description: 'What is hashed where that is missing.' }),
  hash_on_header: string({ check: checkHeaderName }),
  hash_fallback_header: string({ check: checkHeaderName }),
  hash_on_cookie: string({ check: checkCookieName }),
  hash_on_cookie_path: string({ check: checkServicePath, default: '/' }),
  hash_on_query_arg: string(),
  hash_fallback_query_arg: string(),
  hash_on_uri_capture: string(),
  hash_fallback_uri_capture: string(),
  slots: integer({ default: 10_000, between: [10, 65_536], description: 'Places of the ring.' }),
  healthchecks: healthChecksField,
  tags: tagsField,
  host_header: string({ check: checkHostWithPort, description: 'The Host header of upstream requests.' }),
  client_certificate: foreign('certificates'),
  use_srv_name: boolean({ default: false, description: 'The Host header is the name of the SRV record.' }),
} as const;

export type Upstream = InferFields<typeof upstreamFields>;

/** Inputs that must not be their own fallback. Inputs with a name of their own may be, under another name. */
const plainInputs = ['consumer', 'ip', 'path'] as const;
const namedInputs = ['header', 'query_arg', 'uri_capture'] as const;

export const upstreamEntity: EntityDescriptor = {
  name: 'upstream',
  plural: 'upstreams',
  key: 'name',
  fields: upstreamFields,
  expand: alignHashing,
  checks: [
    ...namedInputs.flatMap((input) => [
      requiredWhen({ field: `hash_on_${input}`, ifField: 'hash_on', oneOf: [input] }),
      requiredWhen({ field: `hash_fallback_${input}`, ifField: 'hash_fallback', oneOf: [input] }),
    ]),
    requiredWhen({ field: 'hash_on_cookie', ifField: 'hash_on', oneOf: ['cookie'] }),
    requiredWhen({ field: 'hash_on_cookie', ifField: 'hash_fallback', oneOf: ['cookie'] }),
    // A missing cookie is set, so that no fallback is ever needed.
    ...['none', 'cookie'].map((input) =>
      oneOfWhen({ field: 'hash_fallback', accepted: ['none'], ifField: 'hash_on', equals: input }),
    ),
    ...plainInputs.map((input) =>
      oneOfWhen({
        field: 'hash_fallback',
        accepted: hashInputs.filter((other) => other !== input),
        ifField: 'hash_on',
        equals: input,
      }),
    ),
    ...namedInputs.map((input) => distinct([`hash_on_${input}`, `hash_fallback_${input}`])),
  ],
};

/** As Kong's shorthand does: hashing asks for the algorithm that hashes, and least-connections does not hash. */
function alignHashing(body: Readonly<Record<string, unknown>>) {
  const { algorithm, hash_on: hashOn } = body;
  const hashes = typeof hashOn === 'string' && hashOn !== 'none';
  if (!hashes) return { body, faults: [] };
  if (algorithm === 'least-connections') return { body: { ...body, hash_on: 'none' }, faults: [] };
  const isOther = algorithm !== undefined && algorithm !== null && algorithm !== 'round-robin';
  return { body: isOther ? body : { ...body, algorithm: 'consistent-hashing' }, faults: [] };
}
