import { request } from 'node:http';
import { expect } from 'chai';
import { adminOk, bootstrapServers, makeKafkaRoute } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { countRecords, createTopic, testKafka } from '../helpers/kafka.ts';
import { post } from '../helpers/post.ts';
import {
  type ControlPlaneProcess,
  type DataPlaneProcess,
  runControlPlane,
  runDataPlane,
} from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface Status {
  readonly configuration_hash: string | null;
  readonly workers: readonly { readonly number: number; readonly pid: number }[];
  readonly connections: { readonly accepted: number };
}

describe('a node of two workers', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let controlPlane: ControlPlaneProcess;
  let node: DataPlaneProcess;
  let topic: string;

  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    topic = await createTopic('workers', { partitions: 3 });
    controlPlane = await runControlPlane({ folder: temp.path });
    closing.add(() => controlPlane.stop());
    await makeKafkaRoute(controlPlane.admin, {
      name: 'orders',
      path: '/orders',
      config: { bootstrap_servers: bootstrapServers(testKafka()), topic, record_value: 'body' },
    });
    node = await runDataPlane({
      folder: `${temp.path}/node`,
      controlPlane: controlPlane.cluster,
      args: ['--workers=2', '--producer-memory-max=1mb', '--request-body-max=1mb'],
    });
    closing.add(() => node.stop());
    await node.line(({ event }) => event === 'ready');
  });
  after(() => closing.close());

  async function status(): Promise<Status> {
    const response = await fetch(`${node.status}/status`, { signal: AbortSignal.timeout(5_000) });
    // A border: the test states what it expects of it.
    return (await response.json()) as Status;
  }

  async function metric(line: string): Promise<number> {
    const response = await fetch(`${node.status}/metrics`, { signal: AbortSignal.timeout(5_000) });
    const found = (await response.text()).split('\n').find((text) => text.startsWith(`${line} `));
    return Number(found?.slice(line.length));
  }

  const answered = () => metric('sluice_http_requests_total{route="orders",status="200"}');

  /** Posts a record on a connection of its own, and resolves to the status of the answer. */
  const send = () =>
    new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const sent = request(`${node.proxy}/orders`, { method: 'POST', agent: false, headers }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', reject);
      });
      sent.once('error', reject).end('{"n":1}');
    });

  it('serves by both on one port, and tells the sum', async () => {
    const before = await answered();
    const answers = await Promise.all(Array.from({ length: 20 }, send));
    expect(answers).to.deep.equal(Array<number>(20).fill(200));
    expect((await answered()) - (Number.isNaN(before) ? 0 : before)).to.equal(20);
    expect(await metric('sluice_workers')).to.equal(2);
    expect((await status()).workers.map(({ number }) => number)).to.deep.equal([1, 2]);
    const served = node.lines.filter(({ event }) => event === 'config_applied').map(({ worker }) => worker);
    expect(served.map(String).toSorted()).to.deep.equal(['1', '2']);
  });

  it('applies a change in all workers, or in none', async () => {
    const [plugin] = (await adminOk(controlPlane.admin, 'GET', '/plugins')).data ?? [];
    const headers = { 'content-type': 'application/json' };
    const url = `${controlPlane.admin}/plugins/${String(plugin?.['id'])}`;
    const patch = async (config: object) =>
      fetch(`${url}?wait=applied`, { method: 'PATCH', headers, body: JSON.stringify({ config }) });
    const { configuration_hash: before } = await status();
    // A variable that no worker has.
    const refused = await patch({
      cluster_name: 'x',
      authentication: { mechanism: 'PLAIN', strategy: 'sasl', user: '{vault://env/NOT_THERE_1}', password: 'p' },
    });
    expect(refused.status, await refused.text()).to.equal(200);
    expect(refused.headers.get('sluice-sync')).to.contain('rejected');
    expect((await status()).configuration_hash).to.equal(before);
    expect(await send()).to.equal(200);
    const mended = await patch({ authentication: { mechanism: null, strategy: null, user: null, password: null } });
    expect(mended.status, await mended.text()).to.equal(200);
    expect(mended.headers.get('sluice-sync')).to.contain('applied');
    expect((await status()).configuration_hash).not.to.equal(before);
  });

  it('replaces a worker that is killed under load, loses no acked record and lets no count fall', async () => {
    const recordsBefore = await countRecords(topic);
    const countedBefore = await answered();
    const [first] = (await status()).workers;
    let acked = 0;
    let isOver = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const answer = await send().catch(() => 0);
        if (answer === 200) acked += 1;
      }
    });
    await waitFor(() => Promise.resolve(acked > 20), { what: 'some answers' });
    process.kill(first?.pid ?? -1, 'SIGKILL');
    const lost = await node.line(({ event, worker }) => event === 'worker_lost' && worker === 1);
    const replaced = await node.line(({ event, worker }) => event === 'worker_replaced' && worker === 1);
    isOver = true;
    await Promise.all(load);
    expect(lost).to.include({ level: 'error', signal: 'SIGKILL' });
    // Within a second on free cores; here other tests share them.
    expect(Date.parse(String(replaced['time'])) - Date.parse(String(lost['time']))).to.be.at.most(30_000);
    expect(await countRecords(topic)).to.be.at.least(recordsBefore + acked);
    expect(await metric('sluice_workers_lost_total')).to.equal(1);
    expect(await answered()).to.be.at.least(countedBefore);
    expect((await status()).workers).to.have.length(2);
    expect(await send()).to.equal(200);
  });

  it('lets one connection use all of producer_memory_max', async () => {
    // More than half, and far more than a worker holds in reserve.
    const body = { text: 'x'.repeat(700_000) };
    for (let index = 0; index < 4; index += 1) {
      expect((await post(`${node.proxy}/orders`, body)).status).to.equal(200);
    }
    expect(await metric('sluice_kafka_memory_limit_bytes')).to.equal(1024 * 1024);
  });

  it('drains all workers at SIGTERM and leaves no process', async () => {
    const { workers } = await status();
    expect(await node.stop()).to.equal(0);
    for (const { pid } of workers) expect(() => process.kill(pid, 0)).to.throw(/ESRCH/);
    expect(node.lines.some(({ event }) => event === 'drain_overdue')).to.equal(false);
  });
});
