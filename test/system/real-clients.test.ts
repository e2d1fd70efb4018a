import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type ChannelCredentials, credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { expect } from 'chai';
import { bootstrapServers } from '../helpers/admin.ts';
import { makePair } from '../helpers/certificates.ts';
import { launchChromium } from '../helpers/chromium.ts';
import { Closing } from '../helpers/closing.ts';
import { createTopic, readTopic, testKafka } from '../helpers/kafka.ts';
import { pythonPackages } from '../helpers/python-packages.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const run = promisify(execFile);
const folderOfScripts = resolve('test/system');
const names = ['a.example.com', 'b.example.com'] as const;

/** Programs that people use, each against one node; what is not installed is skipped, and said. */
describe('real clients', function () {
  this.timeout(120_000);
  const closing = new Closing();
  let node: DblessProcess;
  let folder: string;
  let topic: string;
  let tls: string;

  before(async () => {
    topic = await createTopic('clients', { partitions: 1 });
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    const pairs = await Promise.all(names.map((name) => makePair({ names: [name] })));
    for (const [index, { cert }] of pairs.entries()) await writeFile(join(folder, `${names[index]}.pem`), cert);
    const route = (name: string, path: string, protocols: readonly string[], config: object = {}) => ({
      name,
      paths: [path],
      protocols,
      plugins: [
        {
          name: 'kafka-upstream',
          instance_name: name,
          config: { bootstrap_servers: bootstrapServers(testKafka()), topic, record_value: 'body', ...config },
        },
      ],
    });
    const grpc = ['grpc', 'grpcs'];
    const file = join(folder, 'config.json');
    const document = {
      _format_version: '3.0',
      certificates: pairs.map((pair, index) => ({ ...pair, snis: [{ name: names[index] }] })),
      routes: [
        route('orders', '/orders', ['http', 'https']),
        route('send', '/shop.Orders/Send', grpc),
        route('absent', '/shop.Orders/Absent', grpc, { topic: `${topic}-absent` }),
      ],
    };
    await writeFile(file, JSON.stringify(document));
    node = await runDbless([`--declarative-config=${file}`, '--proxy-listen-tls=127.0.0.1:0']);
    closing.add(() => node.stop());
    tls = node.address('proxy_tls');
  });
  after(() => closing.close());

  const written = async () => (await readTopic(topic)).map(({ value }) => value?.toString() ?? '');
  const accepted = async (): Promise<number> => {
    const { connections } = (await (await fetch(`${node.status}/status`)).json()) as {
      connections: { accepted: number };
    };
    return connections.accepted;
  };

  /** Runs a program that may be missing; undefined where it is. */
  async function program(name: string, args: readonly string[]): Promise<string | undefined> {
    try {
      const { stdout } = await run(name, args, { timeout: 60_000 });
      return stdout;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  function skip(test: Mocha.Context, name: string): never {
    console.log(`      not run: ${name} is not installed`);
    return test.skip();
  }

  describe('curl', () => {
    const secure = (name: string) => [
      '--resolve',
      `${name}:${tls.split(':')[1]}:127.0.0.1`,
      '--cacert',
      join(folder, `${name}.pem`),
    ];
    const rows: readonly (readonly [what: string, version: string, args: () => string[], url: () => string])[] = [
      ['HTTP/1.1', '1.1', () => [], () => node.proxy],
      ['HTTP/2 with prior knowledge', '2', () => ['--http2-prior-knowledge'], () => node.proxy],
      // An upgrade that nobody needs to take (RFC 9110, 7.8).
      ['HTTP/1.1 that offers h2c', '1.1', () => ['--http2'], () => node.proxy],
      ...names.flatMap((name) => {
        const url = () => `https://${name}:${tls.split(':')[1]}`;
        return [
          [`HTTP/2 over TLS for ${name}`, '2', () => ['--http2', ...secure(name)], url] as const,
          [`HTTP/1.1 over TLS for ${name}`, '1.1', () => ['--http1.1', ...secure(name)], url] as const,
        ];
      }),
    ];
    for (const [what, version, args, url] of rows) {
      it(`over ${what}`, async function () {
        const body = `curl ${what}`;
        const format = '%{stderr}%{http_code} %{http_version}';
        const all = ['-sS', '--max-time', '20', '-w', format, ...args(), '-d', body, `${url()}/orders`];
        const answer = await run('curl', all).catch((error: unknown) => {
          if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
          throw error;
        });
        if (answer === undefined) skip(this, 'curl');
        expect(answer.stderr).to.equal(`200 ${version}`);
        expect(answer.stdout).to.include('"outcome":"acked"');
        expect(await written()).to.include(body);
      });
    }
  });

  it('nghttp, with a body over several frames', async function () {
    const file = join(folder, 'body');
    await writeFile(file, `nghttp ${'x'.repeat(100_000)}`);
    const output = await program('nghttp', ['-v', '-d', file, '-H', ':method: POST', `${node.proxy}/orders`]);
    if (output === undefined) skip(this, 'nghttp');
    expect(output).to.include(':status: 200').and.include('"outcome":"acked"');
  });

  it('h2load, 2,000 requests over 4 connections with 20 streams', async function () {
    const file = join(folder, 'small');
    await writeFile(file, 'h2load');
    const before = (await written()).length;
    const output = await program('h2load', ['-n', '2000', '-c', '4', '-m', '20', '-d', file, `${node.proxy}/orders`]);
    if (output === undefined) skip(this, 'h2load');
    expect(output).to.include('2000 succeeded, 0 failed, 0 errored');
    expect((await written()).length).to.equal(before + 2_000);
  });

  it("Node's own client keeps one connection for 50 requests", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    closing.add(() => agent.destroy());
    const before = await accepted();
    for (let count = 0; count < 50; count++) {
      const status = await new Promise<number | undefined>((done, failed) => {
        const sent = request(`${node.proxy}/orders`, { method: 'POST', agent }, (answer) => {
          answer.resume().once('end', () => done(answer.statusCode));
        });
        sent.once('error', failed).end(`node ${count}`);
      });
      expect(status).to.equal(200);
    }
    expect(await accepted()).to.equal(before + 1);
    expect((await written()).filter((value) => value.startsWith('node '))).to.have.length(50);
  });

  it("Python's own client keeps one connection for 50 requests", async function () {
    const before = await accepted();
    const script = join(folderOfScripts, 'http_client.py');
    const output = await program('python3', [script, new URL(node.proxy).host, '/orders']);
    if (output === undefined) skip(this, 'python3');
    expect(output.trim()).to.equal('[200]');
    expect(await accepted()).to.equal(before + 1);
    expect((await written()).filter((value) => value.startsWith('python http '))).to.have.length(50);
  });

  it('a browser fetches over HTTP/2 and TLS', async function () {
    const browser = await launchChromium();
    if (browser === undefined) skip(this, 'Chromium');
    closing.add(() => browser.close());
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    // Its answer is 404, in the same origin.
    await page.goto(`https://${tls}/`);
    const protocols = new Set<string | undefined>();
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    session.on('Network.responseReceived', ({ response }) => protocols.add(response.protocol));
    const seen = await page.evaluate(async () => {
      const answer = await fetch('/orders', { method: 'POST', body: 'browser' });
      return { status: answer.status, text: await answer.text() };
    });
    expect(seen.status).to.equal(200);
    expect(seen.text).to.include('"outcome":"acked"');
    expect([...protocols]).to.deep.equal(['h2']);
    expect(await written()).to.include('browser');
  });

  describe('gRPC stubs of orders.proto', () => {
    it('grpc-js', async () => {
      const definition = await load(join(folderOfScripts, 'orders.proto'), { includeDirs: [] });
      const { shop } = loadPackageDefinition(definition) as unknown as {
        shop: { Orders: new (address: string, security: ChannelCredentials) => OrdersClient };
      };
      const client = new shop.Orders(new URL(node.proxy).host, credentials.createInsecure());
      closing.add(() => client.close());
      const call = (method: 'Send' | 'Absent' | 'Missing') =>
        new Promise<ServiceError | null>((done) => client[method]({ id: `node ${method}`, quantity: 2 }, done));
      expect(await call('Send')).to.equal(null);
      expect(await call('Absent')).to.include({ code: 14 });
      expect(await call('Missing')).to.include({ code: 12 });
      expect((await written()).some((value) => value.includes('node Send'))).to.equal(true);
    });

    for (const security of ['cleartext', 'TLS']) {
      it(`Python's grpcio over ${security}`, async function () {
        const packages = await pythonPackages('grpcio-tools-1.76.0', ['grpcio-tools==1.76.0']);
        if (packages === undefined) skip(this, 'python3 with pip');
        const stubs = await tempFolder();
        closing.add(() => stubs.remove());
        const isTls = security === 'TLS';
        const address = isTls ? tls : new URL(node.proxy).host;
        const certificate = isTls ? join(folder, 'a.example.com.pem') : '';
        const script = join(folderOfScripts, 'grpc_client.py');
        const { stdout } = await run('python3', [script, folderOfScripts, stubs.path, address, certificate], {
          env: { ...process.env, PYTHONPATH: packages },
          timeout: 60_000,
        });
        const calls = JSON.parse(stdout) as Record<string, PythonCall>;
        expect(calls['unary'], stdout).to.include({ code: 'OK' });
        expect(calls['unary']?.trailers).to.include({ 'sluice-outcome': 'acked', 'sluice-topic': topic });
        expect(calls['gzip']).to.include({ code: 'OK' });
        expect(calls['stream']?.trailers).to.include({ 'sluice-outcome': 'acked', 'sluice-acked': '100' });
        expect(calls['absent']).to.include({ code: 'UNAVAILABLE' });
        expect(calls['absent']?.trailers).to.include({
          'sluice-code': 'TOPIC_NOT_FOUND',
          'sluice-outcome': 'not_sent',
        });
        expect(calls['missing']).to.include({
          code: 'UNIMPLEMENTED',
          message: 'no Route matched with those values',
        });
        expect((await written()).filter((value) => /python \d+/.test(value)).length).to.be.at.least(100);
      });
    }
  });
});

interface PythonCall {
  readonly code: string;
  readonly message: string;
  readonly trailers: Readonly<Record<string, string>>;
}

/** The stub that grpc-js makes of the file. */
interface OrdersClient {
  Send(order: object, done: (error: ServiceError | null) => void): void;
  Absent(order: object, done: (error: ServiceError | null) => void): void;
  Missing(order: object, done: (error: ServiceError | null) => void): void;
  close(): void;
}
