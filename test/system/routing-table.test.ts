import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { RawClient } from '../data-plane/proxy/raw-http.ts';
import { Closing } from '../helpers/closing.ts';
import { type DblessProcess, runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A request in short: `METHOD target`, and what differs from the usual. */
interface Asked {
  readonly line: string;
  readonly host?: string;
  readonly headers?: readonly string[];
  /** Over TLS with this server name. */
  readonly sni?: string;
}

interface Row {
  /** The sentence of the router's contract. */
  readonly says: string;
  /** Routes by name; each has a service whose path is `/NAME`. */
  readonly routes: Readonly<Record<string, Fields>>;
  /** Requests, and the path that the service saw, or the status and message of the node's own answer. */
  readonly asked: readonly (readonly [asked: Asked | string, got: string])[];
}

const none = '404 no Route matched with those values';
const keep = { strip_path: false };

/** In the order of the text. Each row has hosts or paths of its own, so that all can stand in one configuration. */
const rows: readonly Row[] = [
  {
    says: 'a route matches when every field it has matches; inside a field any value does',
    routes: {
      every: {
        methods: ['GET', 'PUT'],
        hosts: ['a.every', 'b.every'],
        paths: ['/x', '/y'],
        headers: { 'x-h': ['1', '2'] },
      },
    },
    asked: [
      [{ line: 'PUT /y', host: 'b.every', headers: ['X-H: 2'] }, '/every'],
      [{ line: 'POST /y', host: 'b.every', headers: ['X-H: 2'] }, none],
      [{ line: 'GET /x', host: 'c.every', headers: ['X-H: 1'] }, none],
      [{ line: 'GET /z', host: 'a.every', headers: ['X-H: 1'] }, none],
      [{ line: 'GET /x', host: 'a.every', headers: ['X-H: 3'] }, none],
    ],
  },
  {
    says: 'headers: every named header, any of its values',
    routes: { named: { headers: { 'x-n1': ['a', 'b'], 'x-n2': ['c'] } } },
    asked: [
      [{ line: 'GET /', headers: ['X-N1: b', 'X-N2: c'] }, '/named/'],
      [{ line: 'GET /', headers: ['X-N1: b'] }, none],
    ],
  },
  {
    says: 'hosts: any case; *.example.com, example.*; host:port also needs the port',
    routes: {
      case: { hosts: ['CASE.example'] },
      before: { hosts: ['*.before.example'] },
      behind: { hosts: ['behind.*'] },
      port: { hosts: ['port.example:81'] },
    },
    asked: [
      [{ line: 'GET /', host: 'case.EXAMPLE' }, '/case/'],
      [{ line: 'GET /', host: 'a.b.before.example' }, '/before/'],
      [{ line: 'GET /', host: 'before.example' }, none],
      [{ line: 'GET /', host: 'behind.co.uk' }, '/behind/'],
      [{ line: 'GET /', host: 'port.example:81' }, '/port/'],
      [{ line: 'GET /', host: 'port.example:82' }, none],
    ],
  },
  {
    says: 'paths: plain = string prefix (not by segment), ~ = regular expression anchored at the start',
    routes: { plain: { paths: ['/plain'], ...keep }, regex: { paths: ['~/r[0-9]+/end'], ...keep } },
    asked: [
      ['GET /plainly/more', '/plain/plainly/more'],
      ['GET /r12/endless', '/regex/r12/endless'],
      ['GET /x/r12/end', none],
    ],
  },
  {
    says: 'methods exact',
    routes: { exact: { methods: ['GET'], hosts: ['exact.example'] } },
    asked: [
      [{ line: 'GET /', host: 'exact.example' }, '/exact/'],
      [{ line: 'HEAD /', host: 'exact.example' }, '404 '],
    ],
  },
  {
    says: 'headers: names any case, values lower-cased, one value starting with ~* is a regular expression',
    routes: { valued: { headers: { 'X-VALUED': ['Abc'] } }, matched: { headers: { 'x-matched': ['~*^v[0-9]$'] } } },
    asked: [
      [{ line: 'GET /', headers: ['x-valued: aBC'] }, '/valued/'],
      [{ line: 'GET /', headers: ['X-Matched: V7'] }, '/matched/'],
      [{ line: 'GET /', headers: ['X-Matched: v77'] }, none],
    ],
  },
  {
    says: 'snis only on TLS',
    routes: { sni: { protocols: ['https'], snis: ['sni.example'], hosts: ['sni.example'] } },
    asked: [
      [{ line: 'GET /', host: 'sni.example', sni: 'sni.example' }, '/sni/'],
      [{ line: 'GET /', host: 'sni.example', sni: 'other.example' }, none],
      [{ line: 'GET /', host: 'sni.example' }, '426 Please use HTTPS protocol'],
    ],
  },
  {
    says: 'the path is normalised first, the query is no part; the normalised path also goes upstream',
    routes: { normal: { paths: ['/normal'], ...keep } },
    asked: [
      ['GET /%6eormal/a', '/normal/normal/a'],
      ['GET /normal/%c3%bc', '/normal/normal/%C3%BC'],
      ['GET /x/../normal/./b', '/normal/normal/b'],
      ['GET //normal///c', '/normal/normal/c'],
      ['GET /other?/normal', none],
      ['GET /normal?a=/../b', '/normal/normal?a=/../b'],
    ],
  },
  {
    says: 'priority: number of kinds of field used',
    routes: { kinds: { hosts: ['*.kinds'], paths: ['/'] }, fewer: { paths: ['~/kinds/.*'] } },
    asked: [[{ line: 'GET /kinds/long', host: 'a.kinds' }, '/kinds/kinds/long']],
  },
  {
    says: 'hosts all plain',
    routes: { allplain: { hosts: ['a.allplain'] }, wild: { hosts: ['*.allplain', 'a.allplain'] } },
    asked: [[{ line: 'GET /', host: 'a.allplain' }, '/allplain/']],
  },
  {
    says: 'number of headers',
    routes: { two: { headers: { 'x-p1': ['1'], 'x-p2': ['1'] } }, one: { headers: { 'x-p1': ['1'] } } },
    asked: [[{ line: 'GET /', headers: ['x-p1: 1', 'x-p2: 1'] }, '/two/']],
  },
  {
    says: 'regex before prefix; regex_priority (regex only); longer prefix',
    routes: {
      byregex: { paths: ['~/prio'], ...keep },
      byprefix: { paths: ['/prio/long'], regex_priority: 9, ...keep },
      higher: { paths: ['~/prio/h'], regex_priority: 1, ...keep },
      shorter: { paths: ['/len'], ...keep },
      longer: { paths: ['/length'], ...keep },
    },
    asked: [
      ['GET /prio/long', '/byregex/prio/long'],
      ['GET /prio/h', '/higher/prio/h'],
      ['GET /length', '/longer/length'],
    ],
  },
  {
    says: 'then older created_at, then id',
    routes: {
      young: { paths: ['/age'], created_at: 2_000_000_000, id: '00000000-0000-4000-8000-000000000001' },
      old: { paths: ['/age'], created_at: 1_000_000_000, id: '00000000-0000-4000-8000-000000000009' },
      idb: { paths: ['/ids'], created_at: 1, id: '00000000-0000-4000-8000-00000000000b' },
      ida: { paths: ['/ids'], created_at: 1, id: '00000000-0000-4000-8000-00000000000a' },
    },
    asked: [
      ['GET /age', '/old'],
      ['GET /ids', '/ida'],
    ],
  },
  {
    says: 'a route with several paths competes with each path’s own length',
    routes: { several: { paths: ['/s', '/several/long'], ...keep }, single: { paths: ['/several'], ...keep } },
    asked: [
      ['GET /several/long', '/several/several/long'],
      ['GET /several/x', '/single/several/x'],
    ],
  },
  {
    says: 'http on an https-only route → 426 or the configured redirect',
    routes: {
      https: { protocols: ['https'], paths: ['/https'] },
      moved: { protocols: ['https'], paths: ['/moved'], https_redirect_status_code: 308 },
    },
    asked: [
      ['GET /https', '426 Please use HTTPS protocol'],
      [{ line: 'GET /https', sni: 'any.example' }, '/https'],
      ['GET /moved', '308 Please use HTTPS protocol'],
    ],
  },
  {
    says: 'not gRPC on a grpc route → 415; gRPC content over HTTP/1.1 → 426',
    routes: { grpc: { protocols: ['grpc'], paths: ['/shop.Orders'], ...keep } },
    asked: [
      ['GET /shop.Orders/Get', '415 Non-gRPC request matched gRPC route'],
      [{ line: 'POST /shop.Orders/Get', headers: ['Content-Type: application/grpc'] }, '426 Please use HTTP2 protocol'],
    ],
  },
  {
    says: 'no match: 404; a route with neither service nor an answering plugin: 503',
    routes: { nothing: { paths: ['/nothing'], service: null } },
    asked: [
      ['GET /unheard-of', none],
      ['GET /nothing', '503 no Service found with those values'],
    ],
  },
  {
    says: 'prefix joining: exactly one slash at the junction',
    routes: { kept: { paths: ['/fv0'], ...keep }, stripped: { paths: ['/fv1'] }, slash: { paths: ['/fv2/'] } },
    asked: [
      ['GET /fv0/req', '/kept/fv0/req'],
      ['GET /fv1/req', '/stripped/req'],
      ['GET /fv1', '/stripped'],
      ['GET /fv1?q', '/stripped?q'],
      ['GET /fv2/req', '/slash/req'],
    ],
  },
];

describe('the router’s contract, sentence by sentence', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let node: DblessProcess;

  before(async () => {
    const service = createServer((request, response) => response.end(`saw ${request.url}`));
    await once(service.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => {
      service.closeAllConnections();
      service.close();
    });
    const { port } = service.address() as AddressInfo;
    const all = rows.flatMap(({ routes }) => Object.entries(routes));
    const services = all
      .filter(([, fields]) => !('service' in fields))
      .map(([name, fields]) => ({ name, host: '127.0.0.1', port, path: `/${name}`, routes: [{ name, ...fields }] }));
    const routes = all.filter(([, fields]) => 'service' in fields).map(([name, fields]) => ({ name, ...fields }));
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const file = join(folder.path, 'config.json');
    await writeFile(file, JSON.stringify({ _format_version: '3.0', services, routes }));
    node = await runDbless([`--declarative-config=${file}`, '--proxy-listen-tls=127.0.0.1:0']);
    closing.add(() => node.stop());
  });
  after(() => closing.close());

  /** Returns the path that the service saw, or status and message. */
  async function ask(asked: Asked | string): Promise<string> {
    const { line, host = 'any.example', headers = [], sni } = typeof asked === 'string' ? { line: asked } : asked;
    const text = [`${line} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''].join('\r\n');
    const received = sni === undefined ? await overTcp(text) : await overTls(text, sni);
    const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(received) ?? [];
    const [, saw] = /saw (\S+)/.exec(received) ?? [];
    const [, message = ''] = /"message":"([^"]*)"/.exec(received) ?? [];
    return saw ?? `${status} ${message}`;
  }

  async function overTcp(text: string): Promise<string> {
    const client = await RawClient.open(Number(new URL(node.proxy).port));
    closing.add(() => client.destroy());
    await client.send(text).end();
    return client.received;
  }

  async function overTls(text: string, servername: string): Promise<string> {
    const port = Number(node.address('proxy_tls').split(':').at(-1));
    const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    closing.add(() => socket.destroy());
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1'))).on('error', () => undefined);
    await once(socket, 'secureConnect');
    socket.write(text);
    await waitFor(() => socket.readableEnded || socket.destroyed, { what: 'the answer', pollMs: 5 });
    return received;
  }

  for (const { says, asked } of rows) {
    it(says, async () => {
      for (const [request, got] of asked) expect(await ask(request), JSON.stringify(request)).to.equal(got);
    });
  }
});
