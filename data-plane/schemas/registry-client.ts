import type { Histogram } from 'prom-client';
import { RequestError } from '../../shared/errors.ts';
import { isRecord } from '../../shared/schema/check.ts';
import type { RegistrySettings } from './encoder.ts';
import type { SchemaSource } from './formats/format.ts';
import { createRegistryHttp } from './registry-http.ts';

/** Bound of one request to a registry. */
export const registryTimeoutMs = 3_000;
const referenceDepthMax = 32;

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
  /** Referenced versions by their path. */
  const versions = new Map<string, VersionAnswer>();

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
    if (answer.status === 404 || answer.status === 422) {
      const reason = `The schema registry has no version ${version} of subject '${subject}'.`;
      throw new RequestError('SCHEMA_NOT_FOUND', reason);
    }
    if (answer.status !== 200) throw unavailable(`it answered ${answer.status}`);
    const read = readVersion(answer.body);
    if (read === undefined) throw unavailable('its answer is not that of a schema registry');
    return read;
  }

  async function fetchReferences(list: readonly Reference[], found: Map<string, string>, depth: number): Promise<void> {
    if (depth > referenceDepthMax) throw new RequestError('SCHEMA_NOT_FOUND', 'The schema refers to itself.');
    for (const { name, subject, version } of list) {
      if (found.has(name)) continue;
      const key = `${subject}\0${version}`;
      const answer = versions.get(key) ?? (await fetchVersion(subject, version));
      versions.set(key, answer);
      await fetchReferences(answer.references, found, depth + 1);
      // After what it needs itself.
      found.set(name, answer.text);
    }
  }

  return {
    async fetch(subject, version) {
      const { id, type, text, references } = await fetchVersion(subject, version);
      const found = new Map<string, string>();
      await fetchReferences(references, found, 0);
      const resolved = [...found].map(([name, reference]) => ({ name, text: reference }));
      return { id, type, source: { text, references: resolved } };
    },
    close: () => http.close(),
  };
}

function unavailable(reason: string, cause?: unknown): RequestError {
  return new RequestError('SCHEMA_REGISTRY_UNAVAILABLE', `The schema registry cannot be used: ${reason}.`, { cause });
}

function readVersion(body: unknown): VersionAnswer | undefined {
  if (!isRecord(body)) return undefined;
  const { id, schema, schemaType = 'AVRO', references = [] } = body;
  if (typeof id !== 'number' || typeof schema !== 'string' || typeof schemaType !== 'string') return undefined;
  const list: Reference[] = [];
  for (const reference of Array.isArray(references) ? references : []) {
    if (!isRecord(reference)) return undefined;
    const { name, subject, version } = reference;
    if (typeof name !== 'string' || typeof subject !== 'string') return undefined;
    if (typeof version !== 'number' && typeof version !== 'string') return undefined;
    list.push({ name, subject, version: String(version) });
  }
  return { id, type: schemaType, text: schema, references: list };
}
