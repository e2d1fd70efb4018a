import { LRUCache } from 'lru-cache';
import { RequestError } from '../../shared/errors.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { RegistrySettings } from './encoder.ts';
import { SchemaUnusableError, type SchemaSource } from './formats/format.ts';
import { producerRules } from './producer-rules.ts';
import { createRegistryHttp, type RegistryHttp } from './registry-http.ts';
import type { RegistryMetrics, RequestResult } from './registry-metrics.ts';
import type { RegistryState } from './registry-state.ts';
import { reasonOf, schemaError } from './schema-error.ts';

/** Bound of one request to a registry. */
export const registryTimeoutMs = 3_000;
/** A registry that does not come to an end is given up: schemas that one schema refers to, their text, the time. */
const referenceDepthMax = 32;
const referencesMax = 256;
const referencesTextMax = 16 * 1024 * 1024;
const fetchTimeoutMs = 30_000;
/** Referenced versions that are kept. */
const versionsMax = 1_000;
/** Ids are 32 bits on the wire, and signed for the registry. */
const idMax = 0x7fffffff;

/** A subject's schema as the registry has it. */
export interface RegisteredSchema {
  readonly id: number;
  readonly version: number;
  /** AVRO, JSON, PROTOBUF. */
  readonly type: string;
  readonly text: string;
  readonly references: readonly Reference[];
  /** The rules of its data contract that a producer must run. */
  readonly rules: readonly string[];
}

export interface RegistryClient {
  /**
   * Fetches a version of a subject, or `latest`.
   * @throws RequestError SCHEMA_NOT_FOUND when the registry does not know it, SCHEMA_REGISTRY_UNAVAILABLE when it
   * cannot be asked.
   */
  fetch(subject: string, version: string): Promise<RegisteredSchema>;
  /** Finds the version of a subject that has a schema id; undefined: none has. @throws RequestError when the registry cannot be asked */
  versionOf(subject: string, id: number): Promise<number | undefined>;
  /** Lists the versions of a subject. @throws RequestError likewise */
  versions(subject: string): Promise<readonly number[]>;
  /**
   * Fetches what a schema refers to. Nothing is cached here but referenced versions, which never change.
   * @throws SchemaUnusableError when a reference cannot be had, RequestError when the registry cannot be asked.
   */
  resolve(schema: RegisteredSchema): Promise<SchemaSource>;
  close(): void;
}

export interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: string;
}

/** The schemas that a schema refers to, as far as they are found, and the bounds that are left. */
interface References {
  readonly found: Map<string, string>;
  countLeft: number;
  textLeft: number;
  readonly deadlineMs: number;
}

export interface RegistryClientDeps {
  readonly settings: RegistrySettings;
  readonly metrics: RegistryMetrics;
  readonly state: RegistryState;
  readonly timeoutMs?: number | undefined;
}

/** Creates a client of one registry. */
export function createRegistryClient(deps: RegistryClientDeps): RegistryClient {
  const http = createRegistryHttp(deps.settings);
  /** Referenced versions by subject and version. */
  const referenced = new LRUCache<string, RegisteredSchema>({ max: versionsMax });

  async function fetchVersion(subject: string, version: string): Promise<RegisteredSchema> {
    const body = await ask(deps, http, `${pathOf(subject)}/${encodeURIComponent(version)}`, readVersion);
    if (body !== undefined) return body;
    throw schemaError('SCHEMA_NOT_FOUND', `the registry has no version ${version} of the subject '${subject}'`);
  }

  async function fetchReferences(list: readonly Reference[], into: References, depth: number): Promise<void> {
    if (depth > referenceDepthMax) throw unresolved(`its references nest deeper than ${referenceDepthMax}`);
    for (const { name, subject, version } of list) {
      if (into.found.has(name)) continue;
      const key = `${subject}\0${version}`;
      const answer = referenced.get(key) ?? (await fetchVersion(subject, version).catch(asUnresolved));
      // Unlike `latest`, a version never changes.
      if (version !== 'latest') referenced.set(key, answer);
      into.textLeft -= answer.text.length;
      if (into.countLeft-- <= 0 || into.textLeft < 0 || performance.now() > into.deadlineMs) {
        throw unresolved('what it refers to does not come to an end');
      }
      await fetchReferences(answer.references, into, depth + 1);
      // After what it needs itself.
      into.found.set(name, answer.text);
    }
  }

  return {
    fetch: fetchVersion,
    async versionOf(subject, id) {
      const uses = (await ask(deps, http, `/schemas/ids/${id}/versions`, readUses)) ?? [];
      return uses.find((use) => use.subject === subject)?.version;
    },
    async versions(subject) {
      return (await ask(deps, http, pathOf(subject), readVersions)) ?? [];
    },
    async resolve({ text, references }) {
      const found = new Map<string, string>();
      const deadlineMs = performance.now() + fetchTimeoutMs;
      const into = { found, countLeft: referencesMax, textLeft: referencesTextMax, deadlineMs };
      await fetchReferences(references, into, 0);
      return { text, references: [...found].map(([name, reference]) => ({ name, text: reference })) };
    },
    close: () => http.close(),
  };
}

function pathOf(subject: string): string {
  return `/subjects/${encodeURIComponent(subject)}/versions`;
}

/** Asks the registry; undefined when it says that there is no such thing. @throws RequestError when it cannot be asked. */
async function ask<T>(
  { metrics, state, timeoutMs = registryTimeoutMs }: RegistryClientDeps,
  http: RegistryHttp,
  path: string,
  read: (body: unknown) => T | undefined,
): Promise<T | undefined> {
  const fail = (result: RequestResult, reason: string, cause?: unknown): RequestError => {
    metrics.count(state.name, result);
    state.failed(reason);
    return schemaError('SCHEMA_REGISTRY_UNAVAILABLE', `the registry cannot be used: ${reason}`, cause);
  };
  const startedAtMs = performance.now();
  let answer;
  try {
    answer = await http.get(path, timeoutMs);
  } catch (error) {
    throw fail('unreachable', error instanceof Error ? error.message : 'no answer', error);
  } finally {
    metrics.latency.observe((performance.now() - startedAtMs) / 1000);
  }
  const { status, body } = answer;
  if ((status === 404 || status === 422) && isRegistryError(body)) {
    metrics.count(state.name, 'not_found');
    state.answered();
    return undefined;
  }
  if (status !== 200) throw fail(status === 401 || status === 403 ? 'refused' : 'error', `it answered ${status}`);
  const value = read(body);
  if (value === undefined) throw fail('error', 'its answer is not that of a schema registry');
  metrics.count(state.name, 'ok');
  state.answered();
  return value;
}

/** Another attempt may end otherwise: a reference can be registered later. */
function unresolved(reason: string, cause?: unknown): SchemaUnusableError {
  return new SchemaUnusableError(reason, cause, false);
}

function asUnresolved(error: unknown): never {
  if (!(error instanceof RequestError) || error.code !== 'SCHEMA_NOT_FOUND') throw error;
  throw unresolved(`a reference cannot be had: ${reasonOf(error)}`, error);
}

/** A registry says so itself; a proxy's or another server's 404 says nothing of its subjects. */
function isRegistryError(body: unknown): boolean {
  return isRecord(body) && typeof body['error_code'] === 'number';
}

function readVersions(body: unknown): readonly number[] | undefined {
  if (!Array.isArray(body)) return undefined;
  return body.filter((version) => typeof version === 'number');
}

interface SchemaUseOfId {
  readonly subject: string;
  readonly version: number;
}

function readUses(body: unknown): readonly SchemaUseOfId[] | undefined {
  if (!Array.isArray(body)) return undefined;
  const uses: SchemaUseOfId[] = [];
  for (const use of body as readonly unknown[]) {
    if (!isRecord(use)) continue;
    const { subject, version } = use;
    if (typeof subject === 'string' && typeof version === 'number') uses.push({ subject, version });
  }
  return uses;
}

function readVersion(body: unknown): RegisteredSchema | undefined {
  if (!isRecord(body)) return undefined;
  const { id, schema, schemaType = 'AVRO', version = 0, ruleSet } = body;
  const references = body['references'] ?? [];
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > idMax) return undefined;
  if (typeof schema !== 'string' || typeof schemaType !== 'string') return undefined;
  if (!Array.isArray(references)) return undefined;
  const list: Reference[] = [];
  for (const reference of references as readonly unknown[]) {
    if (!isRecord(reference)) return undefined;
    const { name, subject, version: referred } = reference;
    if (typeof name !== 'string' || typeof subject !== 'string') return undefined;
    if (typeof referred !== 'number' || !Number.isInteger(referred)) return undefined;
    list.push({ name, subject, version: referred < 1 ? 'latest' : String(referred) });
  }
  const known = typeof version === 'number' ? version : 0;
  return { id, version: known, type: schemaType, text: schema, references: list, rules: producerRules(ruleSet) };
}
