import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { Closing } from '../helpers/closing.ts';
import { runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';
import { type ProxiedRow, proxiedRows } from './proxied-rows.ts';

/** A request as the service saw it. */
interface Arrived {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: readonly string[];
  body: string;
  /** `whole`, or `broken` when the client went away before its answer was complete. */
  end: 'whole' | 'broken' | undefined;
}

/** An answer as the client saw it. */
interface Answered {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  /** Content-Length where the body is left out. */
  readonly length: string | undefined;
  readonly trailers: string;
}

interface Outcome {
  readonly answers: readonly Answered[];
  /** The connection ended within an answer. */
  readonly isCut: boolean;
  readonly arrived: readonly Arrived[];
}

/**
 * Headers that belong to one connection, or that the contract adds or changes (docs/proxying.md). Whether a body has a
 * length or chunks is a matter of each connection; what it holds is compared.
 */
const changed =
  /^(?:content-length|connection|keep-alive|transfer-encoding|upgrade|http2-settings|expect|date|via|x-request-id|x-real-ip|x-forwarded-\w+)$/;

describe('a request through a node is like one to the service', function () {
  this.timeout(60_000);
  const closing = new Closing();
  const arrived: Arrived[] = [];
  let serve: ProxiedRow['serve'];
  let service: number;
  let proxy: number;

  before(async () => {
    const server = createServer((request, response) => take(request, response));
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      response.writeContinue();
      take(request, response);
    });
    server.on('upgrade', (request, socket: Duplex) => switchProtocol(request, socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => end(server));
    service = (server.address() as AddressInfo).port;
    const folder = await tempFolder();
    closing.add(() => folder.remove());
    const file = join(folder.path, 'config.json');
    const route = { name: 'all', paths: ['/'], strip_path: false, preserve_host: true };
    const services = [{ name: 'all', host: '127.0.0.1', port: service, retries: 0, routes: [route] }];
    await writeFile(file, JSON.stringify({ _format_version: '3.0', services }));
    const node = await runDbless([`--declarative-config=${file}`]);
    closing.add(() => node.stop());
    proxy = Number(new URL(node.proxy).port);
  });
  after(() => closing.close());

  function end(server: Server): void {
    server.closeAllConnections();
    server.close();
  }

  function note({ method, url, rawHeaders }: IncomingMessage): Arrived {
    const seen: Arrived = { method, url, headers: kept(rawHeaders), body: '', end: undefined };
    arrived.push(seen);
    return seen;
  }

  function take(request: IncomingMessage, response: ServerResponse): void {
    const seen = note(request);
    request.on('error', () => undefined).on('data', (chunk: Buffer) => (seen.body += chunk.toString('latin1')));
    response.once('finish', () => (seen.end ??= 'whole')).once('close', () => (seen.end ??= 'broken'));
    if (serve !== undefined) serve(request, response);
    else request.once('end', () => response.setHeader('Content-Type', 'text/plain').end(`${seen.method} ${seen.body}`));
  }

  function switchProtocol(request: IncomingMessage, socket: Duplex): void {
    const seen = note(request);
    socket.on('error', () => undefined).once('close', () => (seen.end ??= 'broken'));
    if (request.url === '/refused') {
      socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 3\r\nX-Why: no\r\nConnection: close\r\n\r\nno!');
    } else if (request.headers.upgrade === 'echo') {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    } else {
      seen.end = 'whole';
      socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nGET ');
    }
  }

  /** Sends a row's request and waits until both sides are done with it. */
  async function run({ send, abortAt }: ProxiedRow, port: number): Promise<Outcome> {
    arrived.length = 0;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let received = '';
    let isEnded = false;
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('error', () => undefined).once('close', () => (isEnded = true));
    const steps = typeof send === 'string' ? [[send, ''] as const] : send;
    for (const [bytes, until] of steps) {
      socket.write(Buffer.from(bytes, 'latin1'));
      await waitFor(() => received.includes(until) || isEnded, { what: until, pollMs: 2 });
    }
    if (abortAt !== undefined) {
      await waitFor(() => arrived.length > 0 && received.includes(abortAt), { what: abortAt, pollMs: 2 });
      if (abortAt === '' && typeof send === 'string' && send.endsWith('part')) {
        await waitFor(() => arrived[0]?.body === 'part' || isEnded, { what: 'the part', pollMs: 2 });
      }
      socket.destroy();
    }
    const count = steps.map(([bytes]) => bytes.split(' HTTP/1.1\r\n').length - 1).reduce((sum, each) => sum + each, 0);
    const isDone = () =>
      isEnded || parse(received, isHead(send), false).filter(({ status }) => status >= 200).length >= count;
    await waitFor(isDone, { what: `the answer: ${received}`, pollMs: 2 });
    isEnded ||= socket.readableEnded;
    socket.destroy();
    await waitFor(() => arrived.every((each) => each.end !== undefined), { what: 'the end at the service', pollMs: 2 });
    const whole = parse(received, isHead(send), isEnded);
    const isCut = abortAt === undefined && whole.filter(({ status }) => status >= 200).length < count;
    return { answers: whole, isCut, arrived: arrived.map((each) => ({ ...each })) };
  }

  const about = ({ answers, isCut }: Outcome) => ({ answers: answers.filter(({ status }) => status !== 100), isCut });

  it('has 40 rows and more', () => {
    expect(proxiedRows.length).to.be.at.least(40);
  });

  for (const row of proxiedRows) {
    it(row.what, async () => {
      serve = row.serve;
      const direct = await run(row, service);
      const through = await run(row, proxy);
      if (row.through === undefined) expect(about(through)).to.deep.equal(about(direct));
      else expect(through.answers.map(({ status }) => status)).to.deep.equal(row.through);
      expect(through.arrived).to.deep.equal(direct.arrived);
    });
  }
});

function isHead(send: ProxiedRow['send']): boolean {
  return typeof send === 'string' && send.startsWith('HEAD');
}

/** Returns the headers of a flat list that one hop does not change, sorted: their order has no meaning between names. */
function kept(flat: readonly string[]): string[] {
  const lines: string[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    if (!changed.test(name)) lines.push(`${name}: ${flat[index + 1]}`);
  }
  // sort is stable, and compares names alone: repeated ones keep their order.
  return lines.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':'));
}

/** Reads the answers that came whole, and what there is of a last one that the end of the connection may end. */
function parse(text: string, withoutBodies: boolean, isEnded: boolean): Answered[] {
  const answers: Answered[] = [];
  let rest = text;
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd === -1) return answers;
    const [first = '', ...lines] = rest.slice(0, headEnd).split('\r\n');
    const flat = lines.flatMap((line) => [nameOf(line), line.slice(line.indexOf(':') + 1).trim()]);
    const of = (name: string) =>
      flat.find((_text, index) => index % 2 === 1 && flat[index - 1]?.toLowerCase() === name);
    const status = Number(first.split(' ')[1]);
    rest = rest.slice(headEnd + 4);
    const hasNone = withoutBodies || status < 200 || status === 204 || status === 304;
    const body = hasNone
      ? { body: '', trailers: '', rest }
      : bodyOf(rest, of('transfer-encoding'), of('content-length'), isEnded);
    if (body === undefined) return answers;
    const { body: content, trailers } = body;
    // Of a body that is not sent it is the only fact.
    const length = hasNone ? of('content-length') : undefined;
    answers.push({ status, headers: kept(flat), body: content, length, trailers });
    rest = body.rest;
  }
}

interface ParsedBody {
  readonly body: string;
  readonly trailers: string;
  readonly rest: string;
}

function bodyOf(
  text: string,
  coding: string | undefined,
  length: string | undefined,
  isEnded: boolean,
): ParsedBody | undefined {
  if (coding !== 'chunked') {
    // Only the end of the connection ends it.
    if (length === undefined) return isEnded ? { body: text, trailers: '', rest: '' } : undefined;
    const bytes = Number(length);
    return text.length < bytes ? undefined : { body: text.slice(0, bytes), trailers: '', rest: text.slice(bytes) };
  }
  let body = '';
  let rest = text;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(rest.slice(0, lineEnd), 16);
    rest = rest.slice(lineEnd + 2);
    if (size === 0) break;
    if (rest.length < size + 2) return undefined;
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
  const end = rest.startsWith('\r\n') ? 0 : rest.indexOf('\r\n\r\n') + 2;
  if (end === 1) return undefined;
  return { body, trailers: rest.slice(0, end).toLowerCase(), rest: rest.slice(end + 2) };
}
