import { readFileSync } from 'node:fs';
import avro from 'avsc';
import { expect } from 'chai';
import { admin, adminOk, bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { countRecords, createTopic, readTopic, readWithConsoleConsumer, testKafka } from '../helpers/kafka.ts';
import { order, orderSchema } from '../helpers/order-schema.ts';
import { post } from '../helpers/post.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
} from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface NodeView {
  readonly id: string;
  readonly state: string;
  readonly connected: boolean;
  readonly applied_hash: string;
  readonly expected_hash: string;
  readonly rejected: { readonly errors: readonly { readonly path?: string; readonly message?: string }[] } | null;
}

async function nodes(controlPlane: ControlPlaneProcess): Promise<readonly NodeView[]> {
  const { data = [] } = await adminOk(controlPlane.admin, 'GET', '/clustering/data-planes');
  return data as unknown as readonly NodeView[];
}

describe('a control plane and a data plane in processes of their own', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let controlPlane: ControlPlaneProcess;
  let node: DataPlaneProcess;
  let topic: string;
  let schemaId: number;
  let folder: string;

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    topic = await createTopic('hybrid', { partitions: 3 });
    schemaId = await registerAvro(`${topic}-value`, orderSchema);
    controlPlane = await runControlPlane({ folder });
    closing.add(() => controlPlane.stop());
    node = await runDataPlane({ folder: `${folder}/node`, controlPlane: controlPlane.cluster });
    closing.add(() => node.stop());
    await waitFor(async () => (await nodes(controlPlane)).some((view) => view.connected), { what: 'the node' });
    await makeKafkaRoute(controlPlane.admin, {
      name: 'orders',
      path: '/orders',
      config: {
        bootstrap_servers: bootstrapServers(testKafka()),
        topic,
        record_value: 'body',
        key_query_arg: 'key',
        schema_registry: {
          confluent: {
            url: testRegistry(),
            value_schema: { subject_name: `${topic}-value`, schema_version: 'latest' },
          },
        },
      },
    });
  });
  after(() => closing.close());

  it('answers acked with topic, partition and offset, and the record is framed Avro', async () => {
    const answer = await post(`${node.proxy}/orders?key=k1`, order);
    expect(answer.status).to.equal(200);
    expect(answer.body).to.include({ message: 'message sent', outcome: 'acked' });
    const place = answer.body.records?.[0];
    expect(place?.topic).to.equal(topic);
    const [record] = await readTopic(topic);
    expect(record?.partition).to.equal(place?.partition);
    expect(record?.offset).to.equal(place?.offset);
    expect(record?.key?.toString()).to.equal('k1');
    const value = record?.value ?? Buffer.alloc(0);
    expect(value.readUInt8(0)).to.equal(0);
    expect(value.readUInt32BE(1)).to.equal(schemaId);
    const type = avro.Type.forSchema(orderSchema as avro.Schema);
    expect({ ...(type.fromBuffer(value.subarray(5)) as object) }).to.deep.equal(order);
  });

  it('refuses what does not fit with a pointer to each fault, and writes nothing', async () => {
    const before = await countRecords(topic);
    const answer = await post(`${node.proxy}/orders`, { id: 7, quantity: 'two', colour: 'red' });
    expect(answer.status).to.equal(422);
    expect(answer.body).to.include({ code: 'SCHEMA_VALIDATION_FAILED', outcome: 'rejected', retryable: false });
    expect(answer.body.details?.map(({ pointer }) => pointer)).to.have.members(['/id', '/quantity', '/colour']);
    expect(await countRecords(topic)).to.equal(before);
  });

  it("is read by Kafka's own console consumer", async () => {
    const plain = await createTopic('console');
    const config = { bootstrap_servers: bootstrapServers(testKafka()), topic: plain, record_value: 'body' };
    await makeKafkaRoute(controlPlane.admin, { name: 'console', path: '/console', config });
    expect((await post(`${node.proxy}/console`, { hello: 'Wörld' })).status).to.equal(200);
    const [line] = await readWithConsoleConsumer(plain, 1);
    expect(line).to.equal('null\t{"hello":"Wörld"}');
  });

  it('shows the node in_sync with equal hashes', async () => {
    const [view] = await waitFor(
      async () => {
        const views = await nodes(controlPlane);
        return views[0]?.state === 'in_sync' ? views : undefined;
      },
      { what: 'in_sync' },
    );
    expect(view?.applied_hash).to.equal(view?.expected_hash);
  });

  it('uses a change within a second, and at once after ?wait=applied', async () => {
    await adminOk(controlPlane.admin, 'PATCH', '/routes/console', { paths: ['/renamed'] });
    await waitFor(async () => (await post(`${node.proxy}/renamed`, {})).status === 200, {
      timeoutMs: 1_000,
      what: 'the change',
    });
    const waited = await admin(controlPlane.admin, 'PATCH', '/routes/console?wait=applied', { paths: ['/again'] });
    expect(waited.headers.get('sluice-sync')).to.match(/^applied; nodes=1/);
    expect((await post(`${node.proxy}/again`, {})).status).to.equal(200);
    expect((await post(`${node.proxy}/renamed`, {})).status).to.equal(404);
  });

  it('goes on serving without the control plane, also after a restart from its cache, and is in_sync again by itself', async () => {
    const { cluster } = controlPlane;
    controlPlane.kill('SIGKILL');
    await controlPlane.exited;
    expect((await post(`${node.proxy}/orders`, order)).status).to.equal(200);
    expect(await node.stop()).to.equal(0);
    node = await runDataPlane({ folder: `${folder}/node`, controlPlane: cluster });
    closing.add(() => node.stop());
    const served = await waitFor(
      async () => {
        const answer = await post(`${node.proxy}/orders`, order);
        return answer.status === 404 ? undefined : answer;
      },
      { what: 'the cached configuration' },
    );
    expect(served.status).to.equal(200);
    controlPlane = await runControlPlane({ folder, clusterPort: Number(cluster.split(':').at(-1)) });
    closing.add(() => controlPlane.stop());
    await waitFor(async () => (await nodes(controlPlane))[0]?.state === 'in_sync', {
      timeoutMs: 20_000,
      what: 'in_sync after the restart',
    });
  });

  it('shows what a node rejects and why while the old configuration stays in use, until the next valid change', async () => {
    const other = await runDataPlane({
      folder: `${folder}/other`,
      controlPlane: controlPlane.cluster,
      env: { ONLY_ELSEWHERE: 'planted-by-the-environment' },
    });
    closing.add(() => other.stop());
    const ids = ['node', 'other'].map((name) => readFileSync(`${folder}/${name}/node-id`, 'utf8').trim());
    const states = async () => {
      const all = await nodes(controlPlane);
      return ids.map((nodeId) => all.find((each) => each.id === nodeId));
    };
    const become = (first: string, second: string) =>
      waitFor(async () => (await states()).map((each) => each?.state).join() === `${first},${second}`, {
        what: `${first} and ${second}`,
        timeoutMs: 20_000,
        pollMs: 20,
      });
    await become('in_sync', 'in_sync');
    const plugins = await adminOk(controlPlane.admin, 'GET', '/routes/console/plugins');
    const id = String(plugins.data?.[0]?.['id']);
    const change = (config: object, query = '') =>
      admin(controlPlane.admin, 'PATCH', `/plugins/${id}${query}`, { config });
    const password = '{vault://env/ONLY_ELSEWHERE}';

    expect(
      (await change({ authentication: { strategy: 'sasl', mechanism: 'PLAIN', user: 'u', password } })).status,
    ).to.equal(200);
    const writtenMs = performance.now();
    await become('rejected', 'in_sync');
    // A second is what it may take; this machine may have other things to do.
    expect(performance.now() - writtenMs).to.be.below(2_000);
    const [view] = await states();
    expect(view?.rejected?.errors).to.have.length(1);
    const [error] = view?.rejected?.errors ?? [];
    expect(error).to.deep.include({ entity_type: 'plugin', entity_id: id, field: 'config.authentication.password' });
    expect(JSON.stringify(error)).to.contain('ONLY_ELSEWHERE');
    expect((await post(`${node.proxy}/again`, {})).status).to.equal(200);

    const waited = await change({ record_value: 'envelope' }, '?wait=applied&timeout=10s');
    expect(waited.status).to.equal(200);
    expect(waited.headers.get('sluice-sync')).to.match(/^rejected/);

    const healed = { strategy: null, mechanism: null, user: null, password: null };
    const patch = await change({ authentication: healed }, '?wait=applied&timeout=10s');
    expect(patch.headers.get('sluice-sync')).to.equal('applied; nodes=2');
    await become('in_sync', 'in_sync');
    expect(await other.stop()).to.equal(0);
  });

  it('shows a stopped node as offline', async () => {
    expect(await node.stop()).to.equal(0);
    await waitFor(async () => (await nodes(controlPlane)).every(({ state }) => state === 'offline'), {
      what: 'offline',
    });
  });
});
