import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { composeAddresses } from '../../control-plane/cli/services/docker.ts';
import { kafkaVersion, registryVersion } from '../../control-plane/cli/services/download.ts';

interface ComposeService {
  readonly image: string;
  readonly ports: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

interface Compose {
  readonly services: { readonly kafka: ComposeService; readonly registry: ComposeService };
  readonly volumes: Readonly<Record<string, unknown>>;
}

// There is no Docker engine where this is tested: what can be checked without one is checked.
describe('docker-compose.yml', () => {
  let compose: Compose;
  before(async () => {
    compose = load(await readFile('docker-compose.yml', 'utf8')) as Compose;
  });

  it('names the versions that are used without Docker', () => {
    expect(compose.services.kafka.image).to.equal(`apache/kafka:${kafkaVersion}`);
    expect(compose.services.registry.image).to.equal(`apicurio/apicurio-registry:${registryVersion}`);
  });

  it('publishes on loopback what the launcher looks for', () => {
    const { kafka, registry } = compose.services;
    expect(kafka.ports).to.deep.equal([`${composeAddresses.kafka}:9092`]);
    expect(registry.ports).to.deep.equal([`${new URL(composeAddresses.registry).host}:8080`]);
    expect(kafka.environment['KAFKA_ADVERTISED_LISTENERS']).to.include(`CLIENT://${composeAddresses.kafka}`);
  });

  it('names environment variables that the images know, as texts', () => {
    const names = {
      kafka: /^KAFKA_[A-Z_]+$/,
      registry: /^APICURIO_(STORAGE_KIND|STORAGE_SQL_KIND|DATASOURCE_URL)$/,
    };
    for (const service of ['kafka', 'registry'] as const) {
      for (const [name, value] of Object.entries(compose.services[service].environment)) {
        expect(name).to.match(names[service]);
        expect(value).to.be.a('string');
      }
    }
    const { environment } = compose.services.kafka;
    expect(environment).to.include({ KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false' });
    const protocols = environment['KAFKA_LISTENER_SECURITY_PROTOCOL_MAP']
      ?.split(',')
      .map((entry) => entry.split(':')[0]);
    const listeners = environment['KAFKA_LISTENERS']?.split(',').map((entry) => entry.split(':')[0]);
    expect(protocols).to.have.members(listeners ?? []);
  });

  it('declares every volume that it mounts', () => {
    for (const { volumes = [] } of Object.values(compose.services)) {
      for (const volume of volumes.filter((one) => !one.startsWith('./')))
        expect(compose.volumes).to.have.property(volume.split(':')[0] ?? '');
    }
  });
});
