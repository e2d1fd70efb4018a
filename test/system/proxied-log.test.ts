import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { freePort } from '../helpers/free-port.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

interface Entry {
  readonly request: { readonly uri: string };
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, string>> };
  readonly latencies: { readonly request: number; readonly kong: number; readonly proxy: number };
  readonly service: { readonly name: string };
}

/** How long the service takes. */
const tookMs = 60;

describe('kafka-log of proxied requests', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let node: DblessProcess;
  let topic: string;

  before(async () => {
    topic = await createTopic('proxied-log', { partitions: 1 });
    const service = createServer((_request, response) => void setTimeout(() => response.end('x'), tookMs));
    await once(service.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => {
      service.closeAllConnections();
      service.close();
    });
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const at = (name: string, port: number) => ({
      name,
      host: '127.0.0.1',
      port,
      routes: [{ name, paths: [`/${name}`] }],
    });
    const document = {
      _format_version: '3.0',
      services: [at('slow', (service.address() as AddressInfo).port), at('away', await freePort())],
      plugins: [{ name: 'kafka-log', config: { bootstrap_servers: bootstrapServers(testKafka()), topic } }],
    };
    const file = join(folder.path, 'config.json');
    await writeFile(file, JSON.stringify(document));
    node = await runDbless([`--declarative-config=${file}`]);
    closing.add(() => node.stop());
  });
  after(() => closing.close());

  it('tells the latency of the service, and -1 where none answered', async () => {
    for (const name of ['slow', 'away']) await (await fetch(`${node.proxy}/${name}`)).text();
    const entries = await waitFor(
      async () => {
        const records = await readTopic(topic);
        return records.length === 2 && records.map(({ value }) => JSON.parse(String(value)) as Entry);
      },
      { what: 'both entries' },
    );
    const [slow, away] = ['/slow', '/away'].map((uri) => entries.find(({ request }) => request.uri === uri));
    expect(slow?.service.name).to.equal('slow');
    expect(slow?.response.status).to.equal(200);
    const { request = 0, kong = 0, proxy = 0 } = slow?.latencies ?? {};
    expect(proxy).to.be.within(tookMs - 5, request);
    expect(kong).to.equal(request - proxy);
    expect(away?.response.status).to.equal(502);
    expect(away?.latencies).to.include({ proxy: -1, kong: away?.latencies.request });
  });
});
