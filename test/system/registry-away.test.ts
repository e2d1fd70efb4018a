import { expect } from 'chai';
import { type Registry, startRegistry } from '../../control-plane/cli/services/registry.ts';
import { bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, testKafka } from '../helpers/kafka.ts';
import { order, orderSchema } from '../helpers/order-schema.ts';
import { post } from '../helpers/post.ts';
import { registerAvro } from '../helpers/registry.ts';
import { type DataPlaneProcess, runControlPlane, runDataPlane } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

describe('the schema registry stopped and started again', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let registry: Registry;
  let node: DataPlaneProcess;

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    registry = await startRegistry({ directory: `${temp.path}/registry` });
    closing.add(() => registry.stop());
    const topic = await createTopic('registry-away');
    await registerAvro('known', orderSchema, registry.url);
    await registerAvro('never-used', orderSchema, registry.url);
    const controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    node = await runDataPlane({ folder: `${temp.path}/node`, controlPlane: controlPlane.cluster });
    closing.add(() => node.stop());
    const route = (name: string, subject: string) =>
      makeKafkaRoute(controlPlane.admin, {
        name,
        path: `/${name}`,
        config: {
          bootstrap_servers: bootstrapServers(testKafka()),
          topic,
          record_value: 'body',
          schema_registry: {
            confluent: { url: registry.url, ttl: 0, value_schema: { subject_name: subject, schema_version: 'latest' } },
          },
        },
      });
    await route('known', 'known');
    expect((await post(`${node.proxy}/known`, order)).status).to.equal(200);
    await registry.stop();
    await route('unknown', 'never-used');
  });
  after(() => closing.close());

  it('goes on with known schemas after their ttl', async () => {
    expect((await post(`${node.proxy}/known`, order)).body.outcome).to.equal('acked');
    expect((await post(`${node.proxy}/known`, { id: 1 })).status).to.equal(422);
  });

  it('is 503 SCHEMA_REGISTRY_UNAVAILABLE with Retry-After for an unknown schema, and recovers by itself', async () => {
    const answer = await post(`${node.proxy}/unknown`, order);
    expect(answer.status).to.equal(503);
    expect(answer.body).to.include({ code: 'SCHEMA_REGISTRY_UNAVAILABLE', outcome: 'not_sent', retryable: true });
    expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
    await registry.start();
    const deadline = Date.now() + 15_000;
    let healed = await post(`${node.proxy}/unknown`, order);
    while (healed.status !== 200 && Date.now() < deadline) healed = await post(`${node.proxy}/unknown`, order);
    expect(healed.body.outcome).to.equal('acked');
  });
});
