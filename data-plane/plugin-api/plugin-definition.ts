import type { Logger } from '../../shared/log.ts';
import type { FieldFault } from '../../shared/schema/field.ts';
import type { ClusterSettings } from '../kafka/producer-types.ts';
import type { Producers } from '../kafka/producers.ts';
import type { EndpointOptions, RequestSpan, Tracing } from '../tracing/tracing.ts';
import type { LuaChains } from '../lua/lua-chains.ts';
import type { KeyClaims } from './answered-keys.ts';
import type { Answer, Exchange } from './exchange.ts';
import type { Encoders } from '../schemas/encoder.ts';
import type { Certificates } from './certificates.ts';
import type { Credentials } from './credentials.ts';
import type { Issuers } from './issuers.ts';
import type { PasswordChecks } from './password-checks.ts';
import type { NodeState } from './node-state.ts';
import type { PluginMetrics } from './plugin-metrics.ts';

/**
 * A plugin's behaviour for one configured plugin entity. Instances are shared by all requests of the routes they serve.
 * Phases run in order of priority; `response` runs in reverse and only for those whose `access` ran.
 */
export interface PluginInstance {
  /** An answer ends the request; undefined lets it go on. Throws RequestError. May answer synchronously. */
  access?(exchange: Exchange): Answer | undefined | Promise<Answer | undefined>;
  /** May replace the answer. Returns a promise only where the body of the answer has to be read first. */
  response?(exchange: Exchange, answer: Answer): Answer | Promise<Answer>;
  /** After the answer was sent. Never throws. */
  log?(exchange: Exchange, answer: Answer): void;
  /**
   * Makes the spans of requests, in place of the node's own tracing. It begins with the match, so that it also covers
   * requests that an earlier plugin answers.
   */
  readonly tracing?: RequestTracing;
  /** Called once the last request that may use the instance is over. */
  close?(): void;
}

export interface RequestTracing {
  begin(exchange: Exchange): RequestSpan;
  /** The header of answers that names the trace; null: none. */
  readonly answerHeader: string | null;
}

export type PluginCreation =
  | { readonly kind: 'created'; readonly instance: PluginInstance }
  /** Paths are relative to the plugin entity: ['config', 'topic']. Every fault at once. */
  | { readonly kind: 'faults'; readonly faults: readonly FieldFault[] };

/**
 * The services that plugin instances may use. Everything here but the certificates outlives a configuration. An instance depends on
 * its config, the certificates that it asked for and these values; when none of them changed, it also serves the next
 * configuration.
 */
export interface PluginDeps {
  /** Id of the plugin's entity. */
  readonly pluginId: string;
  /** The values that all instances of a plugin share on this node. */
  readonly nodeState: NodeState;
  readonly producers: Pick<Producers, 'acquire'>;
  readonly encoders: Encoders;
  readonly lua: Pick<LuaChains, 'acquire'>;
  /** Usable only while an instance is created. */
  readonly certificates: Certificates;
  /** The consumers and credentials of the live configuration; a change of them makes no new instance. */
  readonly credentials: Credentials;
  readonly log: Logger;
  readonly metrics: PluginMetrics;
  /** Returns the present name of the Kafka cluster that the plugin's config uses. */
  readonly clusterName?: () => string | undefined;
  /** The node's answers to requests with an idempotency key; a plugin without them keeps its own. */
  readonly answeredKeys?: KeyClaims;
  /** The node's checks of passwords; a plugin without them makes its own. */
  readonly passwordChecks?: PasswordChecks;
  /** The keys of the issuers whose tokens the node takes; a plugin without them keeps its own. */
  readonly issuers?: Issuers;
  /** Opens an endpoint for spans; a plugin without it makes none. */
  readonly openTracing?: (options: EndpointOptions) => Promise<Tracing>;
  /** Resolves `{vault://env/NAME}` references. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The node's setting request_body_max, which also bounds a body after its content encoding was undone. */
  readonly requestBodyMaxBytes: number;
  /** Returns the settings of a cluster that the node's Kafka client cannot honour; `field` is a dotted path below `config`. */
  readonly unsupportedSettings?: (
    cluster: ClusterSettings,
  ) => readonly { readonly field: string; readonly reason: string }[];
}

export interface PluginDefinition<Config> {
  readonly version: string;
  /** Higher runs earlier. */
  readonly priority: number;
  /**
   * Its access phase may have sent a record of the request when it fails. A fault of the node is answered with outcome
   * `unknown` only behind such a plugin. The records of a log phase do not count: no client asked for them.
   */
  readonly publishes: boolean;
  /** It may run in a trial: it counts nothing, keeps nothing and sends nothing, or obeys `exchange.trial`. */
  readonly isTriable?: boolean;
  /** Returns a promise only where something must be compiled elsewhere first. @throws (rejects) for a fault of the node. */
  create(config: Config, deps: PluginDeps): PluginCreation | Promise<PluginCreation>;
}
