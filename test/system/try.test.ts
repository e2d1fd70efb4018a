import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { countRecords, createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { order, orderSchema } from '../helpers/order-schema.ts';
import { post, postRaw } from '../helpers/post.ts';
import { registerAvro, testRegistry } from '../helpers/registry.ts';
import { type DblessProcess, runDbless, runSluice } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

describe('a trial on a real node', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let folder: string;
  let node: DblessProcess;
  let topic: string;
  let schemaId: number;

  before(async () => {
    const temp = await tempFolder();
    folder = temp.path;
    closing.add(() => temp.remove());
    topic = await createTopic('try', { partitions: 6 });
    schemaId = await registerAvro(`${topic}-value`, orderSchema);
    const [host = '', port = ''] = testKafka().split(':');
    const config = {
      bootstrap_servers: [{ host, port: Number(port) }],
      topic,
      record_value: 'body',
      key_from: { header: 'x-key' },
      schema_registry: {
        confluent: { url: testRegistry(), value_schema: { subject_name: `${topic}-value`, schema_version: 'latest' } },
      },
    };
    const routes = [{ name: 'orders', paths: ['/orders'], plugins: [{ name: 'kafka-upstream', config }] }];
    await writeFile(`${folder}/config.json`, JSON.stringify({ _format_version: '3.0', routes }));
    node = await runDbless([`--declarative-config=${folder}/config.json`]);
    closing.add(() => node.stop());
  });
  after(() => closing.close());

  // oxlint-disable-next-line typescript/no-explicit-any
  const tried = async (sample: object): Promise<any> => (await post(`${node.admin}/try`, sample)).body;

  it('shows the very record that the request makes, and sends none', async () => {
    const sample = { path: '/orders', headers: { 'x-key': 'k-1', 'content-type': 'application/json' }, body: order };
    const before = await tried(sample);
    expect(before.answer, JSON.stringify(before)).to.include({ status: 200, outcome: 'accepted' });
    const [record] = before.records;
    expect(record.value.schema_id).to.equal(schemaId);
    expect(await countRecords(topic), 'nothing was sent').to.equal(0);
    const metrics = await (await fetch(`${node.status}/metrics`)).text();
    expect(metrics).to.not.match(/sluice_http_requests_total\{route="orders"/);
    expect(metrics).to.not.match(new RegExp(`sluice_kafka_records_total\\{[^}]*topic="${topic}"`));

    const sent = await postRaw(`${node.proxy}/orders`, JSON.stringify(order), sample.headers);
    expect(sent.status).to.equal(200);
    const [written] = await readTopic(topic);
    expect(record.value.base64).to.equal(written?.value?.toString('base64'));
    expect(record.key.text).to.equal(written?.key?.toString());
    expect(record.partition).to.equal(written?.partition);
  });

  it('shows the answer to data that does not fit', async () => {
    const refused = await tried({ path: '/orders', headers: { 'x-key': 'k' }, body: { ...order, quantity: 'two' } });
    expect(refused.records).to.deep.equal([]);
    expect(refused.answer).to.include({ status: 422, code: 'SCHEMA_VALIDATION_FAILED' });
    expect(refused.answer.body).to.include('/quantity');
  });

  it('is a command, too', async () => {
    const run = async (sample: object, ...args: string[]) => {
      await writeFile(`${folder}/sample.json`, JSON.stringify(sample));
      const running = runSluice(['try', `${folder}/sample.json`, '--admin', node.admin, ...args]);
      return { code: await running.exited, output: running.output() };
    };
    const good = await run({ path: '/orders', headers: { 'x-key': 'k-1' }, body: order });
    expect(good.output)
      .to.include('route    orders')
      .and.include(`record   ${topic} at `)
      .and.include(`schema ${schemaId}`);
    expect(good.code).to.equal(0);
    const bad = await run({ path: '/orders', body: {} }, '-o', 'json');
    expect(JSON.parse(bad.output)).to.have.nested.property('answer.status', 422);
    expect(bad.code).to.equal(1);
    const fault = await run({ path: 'orders' });
    expect(fault.output).to.include('expected a path');
    expect(fault.code).to.equal(1);
  });

  it('says so when the cluster is not reached', async () => {
    const sample = { path: '/orders', headers: { 'x-key': 'k' }, body: order };
    const plugin = {
      name: 'kafka-upstream',
      config: { bootstrap_servers: [{ host: 'nowhere', port: 1 }], topic: 't', record_value: 'body' },
    };
    const body = await tried({ ...sample, plugin });
    expect(body.records[0]).to.include({ topic: 't', partition: null });
    await waitFor(() => body.notes.length > 0, { what: 'a note' });
  });
});
