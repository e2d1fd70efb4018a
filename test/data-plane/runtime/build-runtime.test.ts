import { expect } from 'chai';
import { noServices } from './service-fixture.ts';
import type { PluginDefinition } from '../../../data-plane/plugin-api/plugin-definition.ts';
import { buildRuntime } from '../../../data-plane/runtime/build-runtime.ts';
import { PluginInstances } from '../../../data-plane/runtime/plugin-instances.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { pluginEntity, SpineFixture } from '../proxy/spine-fixture.ts';

/** Builds a runtime with one plugin and returns the configurations that its instances got. */
async function configsOf(config: object): Promise<unknown[]> {
  const configs: unknown[] = [];
  const definition: PluginDefinition<unknown> = {
    version: '1.0.0',
    priority: 1,
    publishes: true,
    create(given) {
      configs.push(given);
      return { kind: 'created', instance: {} };
    },
  };
  const built = await buildRuntime(createSnapshot({ plugins: [pluginEntity('kafka-upstream', 'x', { config })] }), {
    plugins: { 'kafka-upstream': definition },
    pluginSchemas,
    pluginDeps: new SpineFixture().deps,
    instances: new PluginInstances(),
    services: noServices(),
    meterOf: () => {
      throw new Error('there are no routes');
    },
  });
  expect(built.kind).to.equal('built');
  expect(configs).to.have.length(1);
  return configs;
}

describe('buildRuntime', () => {
  it('gives a plugin its configuration without the optional records that say nothing', async () => {
    const config = {
      topic: 't',
      bootstrap_servers: [{ host: 'k', port: 9092 }],
      authentication: { oauthbearer: { extensions: {}, scopes: [] } },
      schema_registry: { confluent: { url: 'http://r', key_schema: { schema_version: 'latest' } } },
    };
    const configs = await configsOf(config);
    expect(configs[0]).to.deep.include({ topic: 't', schema_registry: null });
    expect(configs[0]).to.have.nested.property('authentication.oauthbearer', null);
  });

  it('takes fields in the places that an older control plane sends them in', async () => {
    const confluent = { url: 'http://r', logical_cluster_id: 'lsrc-1', value_schema: { subject_name: 's' } };
    const [config] = await configsOf({
      topic: 't',
      bootstrap_servers: [{ host: 'k', port: 9092 }],
      schema_registry: { confluent },
    });
    const place = 'schema_registry.confluent.authentication.logical_cluster_id';
    expect(config).to.have.nested.property(place, 'lsrc-1');
  });
});
