import type { Destination } from '../../shared/destination.ts';
import type { OAuthSettings } from '../http-client/token-source.ts';
import type { BodyEncoding } from './formats/format.ts';

/** The registry and the subject that one plugin names for its keys or values. */
export interface EncoderOptions {
  readonly registry: RegistrySettings;
  readonly subjectName: string | null;
  /** A version number as text, or `latest`. */
  readonly schemaVersion: string;
  readonly payloadEncoding: 'auto' | 'avro_json' | 'simple_json';
  /** The message of a Protobuf schema, by its full name or its name within the package; null for the first. */
  readonly messageName: string | null;
  /** `topic`: the subject is `<topic>-value` (or `-key`). */
  readonly subjectNameStrategy: 'subject_name' | 'topic';
  readonly role: 'key' | 'value';
  /** Topics known beforehand, whose subjects are fetched at once in the background (strategy `topic`). */
  readonly topics?: readonly string[];
}

export interface RegistrySettings {
  readonly url: string;
  readonly ttlSeconds: number;
  readonly sslVerify: boolean;
  readonly authentication:
    | { readonly mode: 'none' }
    | { readonly mode: 'basic'; readonly username: string; readonly password: string }
    | { readonly mode: 'oauth2'; readonly oauth: OAuthSettings };
  /** Extra request headers (`target-sr-cluster`, …). */
  readonly headers: Readonly<Record<string, string>>;
}

/** A subject whose newest schema, or the version that is named, cannot be used. */
export interface UnusableSchema {
  /** Host and port. */
  readonly registry: string;
  readonly subject: string;
  readonly version: number;
  /** `compile`: it does not compile. `rules`: a producer must run rules that Sluice does not. */
  readonly why: 'compile' | 'rules';
  readonly reason: string;
  /** The older version that is used in its place; null when there is none. */
  readonly serving_version: number | null;
}

/** Every registry in use; caches are shared by equal settings. */
export interface Encoders {
  acquire(options: EncoderOptions): EncoderLease;
  /** Returns each registry and whether it answers. */
  destinations(): readonly Destination[];
  /** Returns the schemas that cannot be used. */
  unusable(): readonly UnusableSchema[];
  close(): Promise<void>;
}

/** Registries that are in use already. */
export interface KnownEncoders {
  /** Returns an encoder over a registry in use with this URL, whatever its login; undefined when none has it. */
  acquireKnown(options: EncoderOptions): EncoderLease | undefined;
}

export interface EncoderLease {
  /**
   * Validates the JSON text against the subject's schema and frames its encoding: 0x00, schema id (4 bytes, big endian),
   * payload. Synchronous while the schema is cached and fresh. For the role `key` the text is the key's own: JSON, or a
   * bare string where the schema takes strings only or the text is no JSON; with `isJson` it is JSON whatever it looks like.
   * @throws RequestError BODY_INVALID (KEY_INVALID for a key), SCHEMA_VALIDATION_FAILED, SCHEMA_NOT_FOUND, SCHEMA_UNUSABLE,
   * SCHEMA_REGISTRY_UNAVAILABLE.
   */
  encode(topic: string, jsonText: string, deadlineMs: number, isJson?: boolean): Buffer | Promise<Buffer>;
  /** The kind of the topic's schema (AVRO, JSON, PROTOBUF), once a value was encoded by it. */
  typeOf(topic: string): string | undefined;
  /**
   * Checks a value that is encoded already to its last byte, and frames it as it came. `framed`: it has Confluent's frame,
   * whose id must be one of the subject's. Synchronous as `encode` is, while that is the id in use.
   * @throws RequestError SCHEMA_VALIDATION_FAILED, also where the schema is of another kind; else as `encode`.
   */
  frame(topic: string, bytes: Buffer, encoding: BodyEncoding | 'framed', deadlineMs: number): Buffer | Promise<Buffer>;
  /**
   * After the last encode. The last lease of a registry takes its caches along: acquire what comes next before releasing
   * what was.
   */
  release(): void;
}
