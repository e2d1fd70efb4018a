import type { PluginSchemas } from '../../shared/plugin-schemas/plugin-schema.ts';
import { checkField } from '../../shared/schema/check.ts';
import { effectiveValue } from '../../shared/schema/effective.ts';
import { dottedPath } from '../../shared/schema/faults.ts';
import { isDigestMask, maskedText } from '../../shared/schema/mask.ts';
import { descend, mapValue } from '../../shared/schema/walk.ts';
import { isReference } from '../../shared/vault-reference.ts';
import type { ProducerLease } from '../kafka/producer-lease.ts';
import type { Producers } from '../kafka/producers.ts';
import type { PluginDefinition, PluginDeps, PluginInstance } from '../plugin-api/plugin-definition.ts';
import type { ChainStep } from '../runtime/runtime.ts';
import type { EncoderLease, KnownEncoders } from '../schemas/encoder.ts';

/** What stands for a reference and for a masked secret: neither is resolved. */
const unresolved = 'unresolved';

/** Stands for the id of the plugin, which it gets when it is saved. */
const unsavedId = 'unsaved';

export interface UnsavedDeps {
  readonly plugins: Readonly<Record<string, PluginDefinition<unknown>>>;
  readonly pluginSchemas: PluginSchemas;
  readonly pluginDeps: Omit<PluginDeps, 'certificates' | 'clusterName' | 'pluginId'>;
  readonly producers: Pick<Producers, 'partitionOfKnown'>;
  readonly encoders: KnownEncoders;
}

export type UnsavedPlugin =
  | {
      readonly kind: 'made';
      readonly step: ChainStep;
      /** What the node does not know, in sentences. */
      readonly notes: () => readonly string[];
      readonly close: () => void;
    }
  | { readonly kind: 'faults'; readonly faults: readonly { readonly field: string; readonly message: string }[] };

/**
 * Makes an instance of a plugin that is not saved. It opens no connection: brokers and registries are asked only where the
 * running configuration has them.
 */
export async function makeUnsaved(
  { name, config }: { readonly name: string; readonly config: unknown },
  deps: UnsavedDeps,
): Promise<UnsavedPlugin> {
  const definition = Object.hasOwn(deps.plugins, name) ? deps.plugins[name] : undefined;
  const schema = Object.hasOwn(deps.pluginSchemas, name) ? deps.pluginSchemas[name] : undefined;
  if (definition === undefined || schema === undefined) {
    return {
      kind: 'faults',
      faults: [{ field: 'plugin.name', message: `plugin '${name}' is not available on this node` }],
    };
  }
  const open = mapValue(schema.config, config, (_field, value) =>
    typeof value === 'string' && (isReference(value) || isDigestMask(value) || value === maskedText)
      ? unresolved
      : descend,
  );
  const checked = checkField(schema.config, open);
  if (checked.kind === 'faults') return { kind: 'faults', faults: checked.faults.map(toldFault) };
  const notes = new Set<string>();
  const created = await definition.create(effectiveValue(schema.config, checked.value), unsavedDeps(deps, notes));
  if (created.kind === 'faults') {
    return {
      kind: 'faults',
      faults: created.faults.map(({ path, message }) => ({ field: dottedPath(['plugin', ...path]), message })),
    };
  }
  return {
    kind: 'made',
    step: stepOf(name, definition, created.instance),
    notes: () => [...notes],
    close: () => created.instance.close?.(),
  };
}

function stepOf(
  plugin: string,
  { priority, publishes }: PluginDefinition<unknown>,
  instance: PluginInstance,
): ChainStep {
  return { plugin, priority, publishes, protocols: null, instance };
}

function toldFault({ path, message }: { readonly path: readonly (string | number)[]; readonly message: string }) {
  return { field: dottedPath(['plugin', 'config', ...path]), message };
}

function unsavedDeps({ pluginDeps, producers, encoders }: UnsavedDeps, notes: Set<string>): PluginDeps {
  return {
    ...pluginDeps,
    pluginId: unsavedId,
    env: {},
    // No connection is made with them.
    certificates: {
      pair: () => ({ kind: 'found', value: { cert: '', key: '' } }),
      authority: () => ({ kind: 'found', value: '' }),
    },
    producers: {
      acquire: ({ cluster, label }): ProducerLease => ({
        ...idleLease,
        partitionOf(topic, record) {
          const place = producers.partitionOfKnown(cluster.bootstrapServers, topic, record);
          if (place === undefined) notes.add(`the cluster ${label()} is not known to this node`);
          return place ?? null;
        },
      }),
    },
    encoders: {
      ...pluginDeps.encoders,
      acquire(options): EncoderLease {
        const known = encoders.acquireKnown(options);
        if (known !== undefined) return known;
        const told = `the registry ${hostOf(options.registry.url)} is not known to this node: the value is not encoded`;
        return {
          encode(_topic, jsonText) {
            notes.add(told);
            return Buffer.from(jsonText);
          },
          typeOf: () => undefined,
          frame(_topic, bytes) {
            notes.add(told);
            return bytes;
          },
          release: () => undefined,
        };
      },
    },
  };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

const never = (): never => {
  throw new Error('A trial sends no record');
};

const idleLease: Omit<ProducerLease, 'partitionOf'> = {
  publish: never,
  enqueue: never,
  publishAll: never,
  enqueueAll: never,
  checkPlace: () => Promise.resolve(null),
  checkAll: () => Promise.resolve([]),
  countRefused: () => undefined,
  release: () => undefined,
};
