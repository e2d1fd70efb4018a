import type { FastifyInstance } from 'fastify';
import { setImmediate } from 'node:timers/promises';
import { documentBytesMax } from '../../shared/declarative/parse-document.ts';
import { renderDocument } from '../../shared/declarative/render-document.ts';
import type { EntityDescriptor } from '../../shared/entities/entity.ts';
import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import type { Mask } from '../../shared/schema/mask.ts';
import { AdminError, invalidDocument, plainError } from './admin-error.ts';
import { addDocumentParsers } from './body.ts';
import type { SyncGate } from './clustering.ts';
import { configPath } from './config-path.ts';
import type { DeclarativeConfig, LoadRequest, LoadResult } from './declarative-config.ts';
import { matchesEtag } from './etag.ts';
import { queryFlag } from './query.ts';
import { addResource, type AdminAnswer, type Call } from './resource.ts';
import { syncHeaders, waitTimeoutMs } from './wait-applied.ts';

export interface ConfigRoutesOptions {
  readonly declarative: DeclarativeConfig;
  readonly entities: readonly EntityDescriptor[];
  readonly plugins: PluginSchemas;
  readonly syncGate?: SyncGate;
  readonly mask: Mask;
  /** The configuration is a file: clients of Kong expect its text within JSON then. */
  readonly isDbless: boolean;
}

const yamlPattern = /(?:application|text)\/(?:x-)?yaml/;
/** The `Retry-After` of an answer while another load runs. */
const retryAfterSeconds = 1;
/** The time for which writing a document may hold the event loop. */
const sliceMs = 5;

/** Adds `/config`, which reads and replaces the whole configuration as one document. The scope parses its own bodies. */
export function addConfigRoutes(scope: FastifyInstance, options: ConfigRoutesOptions): void {
  addDocumentParsers(scope, documentBytesMax);
  addResource({
    app: scope,
    path: configPath,
    handlers: { GET: (call) => readConfig(options, call), POST: (call) => loadConfig(options, call) },
  });
}

async function readConfig(
  { declarative, entities, plugins, mask, isDbless }: ConfigRoutesOptions,
  call: Call,
): Promise<AdminAnswer> {
  const whole = declarative.read();
  const wantsYaml = yamlPattern.test(call.accept);
  const format = wantsYaml || isDbless ? 'yaml' : 'json';
  const pieces = renderDocument({
    entities: whole.entities,
    descriptors: entities,
    plugins,
    format,
    mask: call.readOnly ? mask : undefined,
  });
  const texts: string[] = [];
  let sliceEndMs = performance.now() + sliceMs;
  for (const piece of pieces) {
    texts.push(piece);
    if (performance.now() < sliceEndMs) continue;
    await setImmediate();
    sliceEndMs = performance.now() + sliceMs;
  }
  if (isDbless && !wantsYaml) return { status: 200, body: { config: texts.join('') }, headers: { ETag: whole.etag } };
  const type = format === 'yaml' ? 'application/yaml; charset=utf-8' : 'application/json; charset=utf-8';
  return { status: 200, text: texts.join(''), type, headers: { ETag: whole.etag } };
}

async function loadConfig({ declarative, syncGate }: ConfigRoutesOptions, call: Call): Promise<AdminAnswer> {
  const dryRun = queryFlag(call.query, 'dry_run');
  const checkHash = queryFlag(call.query, 'check_hash');
  const flatten = queryFlag(call.query, 'flatten_errors');
  const timeoutMs = waitTimeoutMs(call.query);
  const expected = expectedEtag(declarative, call);
  const result = await declarative.load({ ...documentOf(call), dryRun, ...expected });
  if (result.kind !== 'loaded') throw refusal(result, flatten);
  const { summary, etag, revision } = result;
  const headers = { ETag: etag };
  if (checkHash && summary.created + summary.updated + summary.deleted === 0) return { status: 304, headers };
  if (dryRun) return { status: 200, body: summary, headers };
  return { status: 201, body: summary, headers: { ...headers, ...(await syncHeaders(syncGate, timeoutMs, revision)) } };
}

function refusal(result: Exclude<LoadResult, { kind: 'loaded' }>, flatten: boolean): AdminError {
  if (result.kind === 'faults') return invalidDocument(result.errors, flatten);
  if (result.kind === 'changed') return changedMeanwhile();
  const message = 'Another configuration is being loaded';
  return new AdminError(429, { message }, { 'Retry-After': String(retryAfterSeconds) });
}

/** Returns the tag of the configuration that the caller wants to replace, if it names one. Throws AdminError 412. */
function expectedEtag(declarative: DeclarativeConfig, { ifMatch }: Call): { readonly expectedEtag?: string } {
  if (ifMatch === undefined || ifMatch.trim() === '*') return {};
  const etag = declarative.etag();
  if (!matchesEtag(ifMatch, etag)) throw changedMeanwhile();
  return { expectedEtag: etag };
}

function changedMeanwhile(): AdminError {
  return plainError(412, 'Precondition failed: the configuration was changed');
}

/** Returns the document of a body of any kind; in forms it is the field `config`. */
function documentOf({ raw, body }: Call): Pick<LoadRequest, 'bytes' | 'json'> {
  if (raw !== undefined && raw.bytes.length > 0) return { bytes: raw.bytes, json: raw.json };
  const text = body?.kind === 'form' ? body.entries.find(([name]) => name === 'config')?.[1] : undefined;
  if (text === undefined || text === '') throw plainError(400, 'expected a declarative configuration');
  return { bytes: new TextEncoder().encode(text), json: false };
}
