import { LRUCache } from 'lru-cache';
import type { Histogram } from 'prom-client';
import { RequestError } from '../../shared/errors.ts';
import { isRecord } from '../../shared/schema/is-record.ts';
import type { RegistrySettings } from './encoder.ts';
import type { SchemaSource } from './formats/format.ts';
import { createRegistryHttp } from './registry-http.ts';

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
  /** AVRO, JSON, PROTOBUF. */
  readonly type: string;
  readonly source: SchemaSource;
}

export interface RegistryClient {
  /**
   * The schema of a subject, references resolved. Nothing is cached here but referenced versions, which never change.
   * @throws RequestError SCHEMA_NOT_FOUND when the registry does not know it, SCHEMA_REGISTRY_UNAVAILABLE when it
   * cannot be asked.
   */
  fetch(subject: string, version: string): Promise<RegisteredSchema>;
  close(): void;
}

interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: string;
}

/** What a schema refers to, and what is left to look for. */
interface References {
  readonly found: Map<string, string>;
  countLeft: number;
  textLeft: number;
  readonly deadlineMs: number;
}

interface VersionAnswer {
  readonly id: number;
  readonly type: string;
  readonly text: string;
  readonly references: readonly Reference[];
}

export function createRegistryClient(deps: {
  readonly settings: RegistrySettings;
  readonly latency: Pick<Histogram, 'observe'>;
  readonly timeoutMs?: number;
}): RegistryClient {
  const { settings, latency, timeoutMs = registryTimeoutMs } = deps;
  const http = createRegistryHttp(settings);
  /** Referenced versions by subject and version. */
  const versions = new LRUCache<string, VersionAnswer>({ max: versionsMax });

  async function fetchVersion(subject: string, version: string): Promise<VersionAnswer> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${encodeURIComponent(version)}`;
    const startedAtMs = performance.now();
    let answer;
    try {
      answer = await http.get(path, timeoutMs);
    } catch (error) {
      throw unavailable(error instanceof Error ? error.message : 'no answer', error);
    } finally {
      latency.observe((performance.now() - startedAtMs) / 1000);
    }
    if ((answer.status === 404 || answer.status === 422) && isRegistryError(answer.body)) {
      const reason = `The schema registry has no version ${version} of subject '${subject}'.`;
      throw new RequestError('SCHEMA_NOT_FOUND', reason);
    }
    if (answer.status !== 200) throw unavailable(`it answered ${answer.status}`);
    const read = readVersion(answer.body);
    if (read === undefined) throw unavailable('its answer is not that of a schema registry');
    return read;
  }

  async function fetchReferences(list: readonly Reference[], into: References, depth: number): Promise<void> {
    if (depth > referenceDepthMax) throw new RequestError('SCHEMA_NOT_FOUND', 'The schema refers to itself.');
    for (const { name, subject, version } of list) {
      if (into.found.has(name)) continue;
      const key = `${subject}\0${version}`;
      const answer = versions.get(key) ?? (await fetchVersion(subject, version));
      // Unlike `latest`, a version never changes.
      if (version !== 'latest') versions.set(key, answer);
      into.textLeft -= answer.text.length;
      if (into.countLeft-- <= 0 || into.textLeft < 0 || performance.now() > into.deadlineMs) {
        throw unavailable('what the schema refers to does not come to an end');
      }
      await fetchReferences(answer.references, into, depth + 1);
      // After what it needs itself.
      into.found.set(name, answer.text);
    }
  }

  return {
    async fetch(subject, version) {
      const { id, type, text, references } = await fetchVersion(subject, version);
      const found = new Map<string, string>();
      const deadlineMs = performance.now() + fetchTimeoutMs;
      const into = { found, countLeft: referencesMax, textLeft: referencesTextMax, deadlineMs };
      await fetchReferences(references, into, 0);
      const resolved = [...found].map(([name, reference]) => ({ name, text: reference }));
      return { id, type, source: { text, references: resolved } };
    },
    close: () => http.close(),
  };
}

function unavailable(reason: string, cause?: unknown): RequestError {
  return new RequestError('SCHEMA_REGISTRY_UNAVAILABLE', `The schema registry cannot be used: ${reason}.`, { cause });
}

/** A registry says so itself; a proxy's or another server's 404 says nothing of its subjects. */
function isRegistryError(body: unknown): boolean {
  return isRecord(body) && typeof body['error_code'] === 'number';
}

function readVersion(body: unknown): VersionAnswer | undefined {
  if (!isRecord(body)) return undefined;
  const { id, schema, schemaType = 'AVRO' } = body;
  const references = body['references'] ?? [];
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > idMax) return undefined;
  if (typeof schema !== 'string' || typeof schemaType !== 'string') return undefined;
  if (!Array.isArray(references)) return undefined;
  const list: Reference[] = [];
  for (const reference of references as readonly unknown[]) {
    if (!isRecord(reference)) return undefined;
    const { name, subject, version } = reference;
    if (typeof name !== 'string' || typeof subject !== 'string') return undefined;
    if (typeof version !== 'number' || !Number.isInteger(version)) return undefined;
    list.push({ name, subject, version: version < 1 ? 'latest' : String(version) });
  }
  return { id, type: schemaType, text: schema, references: list };
}
