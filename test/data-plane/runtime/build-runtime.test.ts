import { expect } from 'chai';
import type { PluginDefinition } from '../../../data-plane/plugin-api/plugin-definition.ts';
import { buildRuntime } from '../../../data-plane/runtime/build-runtime.ts';
import { PluginInstances } from '../../../data-plane/runtime/plugin-instances.ts';
import { pluginSchemas } from '../../../shared/plugin-schemas/plugin-schemas.ts';
import { createSnapshot } from '../../../shared/snapshot.ts';
import { pluginEntity, SpineFixture } from '../proxy/spine-fixture.ts';

describe('buildRuntime', () => {
  it('gives a plugin its configuration without the optional records that say nothing', async () => {
    const configs: unknown[] = [];
    const definition: PluginDefinition<unknown> = {
      version: '1.0.0',
      priority: 1,
      publishes: true,
      create(config) {
        configs.push(config);
        return { kind: 'created', instance: {} };
      },
    };
    const config = {
      topic: 't',
      bootstrap_servers: [{ host: 'k', port: 9092 }],
      authentication: { oauthbearer: { extensions: {}, scopes: [] } },
      schema_registry: { confluent: { url: 'http://r', key_schema: { schema_version: 'latest' } } },
    };
    const built = await buildRuntime(createSnapshot({ plugins: [pluginEntity('kafka-upstream', 'x', { config })] }), {
      plugins: { 'kafka-upstream': definition },
      pluginSchemas,
      pluginDeps: new SpineFixture().deps,
      instances: new PluginInstances(),
      meterOf: () => {
        throw new Error('there are no routes');
      },
    });
    expect(built.kind).to.equal('built');
    expect(configs).to.have.length(1);
    expect(configs[0]).to.deep.include({ topic: 't', schema_registry: null });
    expect(configs[0]).to.have.nested.property('authentication.oauthbearer', null);
  });
});
