import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { downloadKafka } from '../../../../control-plane/cli/services/download.ts';
import { freePorts, nextFreePort } from '../../../../control-plane/cli/services/free-ports.ts';
import { brokerProperties, scramArguments } from '../../../../control-plane/cli/services/kafka-properties.ts';
import { withLock } from '../../../../control-plane/cli/services/lock.ts';
import {
  servicesStatus,
  startServices,
  stopServices,
  ServicesUnavailableError,
} from '../../../../control-plane/cli/services/services.ts';
import { testKafka } from '../../../helpers/kafka.ts';
import { testRegistry } from '../../../helpers/registry.ts';
import { tempFolder, type TempFolder } from '../../../helpers/temp-folder.ts';

describe('services', () => {
  let folder: TempFolder;
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder.remove());

  it('uses given addresses as they are and starts nothing', async () => {
    const given = { kafka: testKafka(), registry: testRegistry() };
    const services = await startServices({ directory: folder.path, given });
    expect(services).to.deep.equal({ ...given, origin: 'given' });
    expect(await readdir(folder.path)).to.deep.equal([]);
  });

  it('fails when a given address does not answer', async () => {
    const given = { kafka: '127.0.0.1:1', registry: testRegistry() };
    const refused = await startServices({ directory: folder.path, given }).catch((error: unknown) => error);
    expect(String(refused)).to.include('127.0.0.1:1');
  });

  it('uses running services, and takes over those of an owner that has ended', async () => {
    const running = { kafka: testKafka(), registry: testRegistry() };
    const record = { ...running, kind: 'java', processes: [], startedAt: new Date().toISOString() };
    await writeFile(join(folder.path, 'services.json'), JSON.stringify({ ...record, owner: process.pid }));
    expect(await startServices({ directory: folder.path })).to.deep.equal({ ...running, origin: 'running' });
    // No process has this id: it is above Linux's largest.
    await writeFile(join(folder.path, 'services.json'), JSON.stringify({ ...record, owner: 4_194_305 }));
    expect((await startServices({ directory: folder.path, owner: process.pid })).origin).to.equal('started');
    expect((await servicesStatus(folder.path)).record?.owner).to.equal(process.pid);
    expect(await stopServices({ directory: folder.path })).to.equal(true);
    expect(await stopServices({ directory: folder.path })).to.equal(false);
  });

  it('says what to install when there is nothing to start with', async () => {
    const { PATH, JAVA_HOME } = process.env;
    process.env['PATH'] = folder.path;
    process.env['JAVA_HOME'] = folder.path;
    try {
      const refused = await startServices({ directory: join(folder.path, 'services') }).catch(
        (error: unknown) => error,
      );
      expect(refused).to.be.instanceOf(ServicesUnavailableError);
      expect(String(refused)).to.include('Install Java 17 or newer and Maven').and.include('Docker engine');
    } finally {
      process.env['PATH'] = PATH;
      if (JAVA_HOME === undefined) delete process.env['JAVA_HOME'];
      else process.env['JAVA_HOME'] = JAVA_HOME;
    }
  });

  it('downloads nothing that is already there', async () => {
    await mkdir(join(folder.path, 'kafka-4.3.1'));
    expect(await downloadKafka({ directory: folder.path })).to.equal(join(folder.path, 'kafka-4.3.1'));
  });

  it('holds a lock alone, and takes over one whose holder is gone', async () => {
    const path = join(folder.path, 'lock');
    await writeFile(path, '4194305');
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 4 }, () => withLock({ path, timeoutMs: 5000 }, work)));
    expect(most).to.equal(1);
    expect(await readdir(folder.path)).to.deep.equal([]);
  });

  it('finds ports that are free and different', async () => {
    const [first = 0, second = 0] = await freePorts(2);
    expect(first).not.to.equal(second);
    expect(await nextFreePort(first, new Set([first]))).to.be.greaterThan(first);
  });
});

describe('Kafka properties', () => {
  const broker = {
    id: 1,
    dataDirectory: '/d',
    clientPort: 1,
    internalPort: 2,
    controllerPort: 3,
    advertised: undefined,
  };
  const layout = {
    security: 'PLAINTEXT',
    mechanisms: ['PLAIN'],
    users: [{ name: 'a', password: 'b' }],
    superUsers: undefined,
    keystore: undefined,
    brokers: [broker],
    properties: {},
  } as const;

  it('creates no topics by themselves and lets extra properties win', () => {
    expect(brokerProperties(layout, broker)['auto.create.topics.enable']).to.equal('false');
    const properties = { 'min.insync.replicas': '2', 'auto.create.topics.enable': 'true' };
    expect(brokerProperties({ ...layout, properties }, broker)).to.include(properties);
  });

  it('advertises the address of a proxy', () => {
    const advertised = { host: 'localhost', port: 9 };
    const properties = brokerProperties(layout, { ...broker, advertised });
    expect(properties['advertised.listeners']).to.equal('CLIENT://localhost:9,INTERNAL://127.0.0.1:2');
  });

  it('opens further listeners of other securities on one broker', () => {
    const more = { ...layout, otherSecurities: ['SASL_PLAINTEXT', 'SSL'] } as const;
    const keystore = { path: 'k', password: 'p' };
    const properties = brokerProperties({ ...more, keystore }, { ...broker, otherPorts: [4, 5] });
    expect(properties['advertised.listeners']).to.equal(
      'CLIENT://127.0.0.1:1,INTERNAL://127.0.0.1:2,CLIENT_SASL_PLAINTEXT://127.0.0.1:4,CLIENT_SSL://127.0.0.1:5',
    );
    expect(properties['listener.security.protocol.map']).to.contain('CLIENT_SSL:SSL');
    expect(properties['listener.name.client_sasl_plaintext.sasl.enabled.mechanisms']).to.equal('PLAIN');
    expect(properties['listener.name.client_ssl.ssl.keystore.location']).to.equal('k');
    expect(properties).to.not.have.property('listener.name.client.ssl.keystore.location');
  });

  it('makes users for each mechanism of SASL only', () => {
    expect(scramArguments({ ...layout, mechanisms: ['SCRAM-SHA-256'] })).to.deep.equal([]);
    const sasl = { ...layout, security: 'SASL_PLAINTEXT', mechanisms: ['PLAIN', 'SCRAM-SHA-256'] } as const;
    expect(scramArguments(sasl)).to.deep.equal(['--add-scram', 'SCRAM-SHA-256=[name=a,password=b]']);
    expect(brokerProperties(sasl, broker)['listener.name.client.plain.sasl.jaas.config']).to.include('user_a="b"');
  });
});
