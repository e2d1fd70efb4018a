import type { RouteProtocol } from '../route-protocols.ts';
import type { Field } from '../schema/field.ts';
import type { MovedField } from '../schema/moved-fields.ts';

export type PluginScope = 'service' | 'route' | 'consumer';

/** Describes a plugin to both planes: the control plane checks and publishes with it, the data plane checks again. */
export interface PluginSchema<C = unknown> {
  readonly name: string;
  readonly version: string;
  /** Higher runs earlier. */
  readonly priority: number;
  /** Default of the plugin entity's field `protocols`, and all that it may hold. */
  readonly protocols: readonly RouteProtocol[];
  /** The entities to which an instance may be bound. Every plugin may also be global. */
  readonly scopes: readonly PluginScope[];
  /**
   * Decides who may send or what is written: a node without the plugin must not get a configuration that uses it. So it
   * is for every plugin that authenticates, limits, signs or refuses.
   */
  readonly requiredToUnderstand?: true;
  /** Fields of the config that stood elsewhere in older versions. */
  readonly moved?: readonly MovedField[];
  /** A required record. */
  readonly config: Field<C>;
}

/** Plugin schemas by name. */
export type PluginSchemas = Readonly<Record<string, PluginSchema>>;
