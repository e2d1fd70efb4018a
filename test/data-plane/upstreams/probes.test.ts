import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { Server as GrpcServer, ServerCredentials, status as grpcStatus } from '@grpc/grpc-js';
import { expect } from 'chai';
import { probe, type ProbeOptions } from '../../../data-plane/upstreams/probes.ts';
import { Closing } from '../../helpers/closing.ts';
import { freePort } from '../../helpers/free-port.ts';
import { testCertificate } from '../../helpers/test-certificates.ts';
import { makeEndpoint } from './endpoints.ts';

const base: ProbeOptions = {
  type: 'http',
  timeoutMs: 5_000,
  path: '/health',
  headers: { 'x-probe': ['one', 'two'] },
  sni: null,
  verifyCertificate: true,
  hostHeader: null,
};

describe('probe', () => {
  const closing = new Closing();
  afterEach(() => closing.close());

  async function listen(server: Server): Promise<number> {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closing.add(() => new Promise((resolve) => server.close(resolve)));
    return (server.address() as AddressInfo).port;
  }
  const at = (port: number) => makeEndpoint('127.0.0.1', port);

  it('tcp: connects', async () => {
    const port = await listen(createTcp((socket) => socket.destroy()));
    expect(await probe(at(port), { ...base, type: 'tcp' })).to.deep.equal({ kind: 'connected' });
  });

  it('tcp: a refused connection has failed, with a message', async () => {
    const result = await probe(at(await freePort()), { ...base, type: 'tcp' });
    expect(result).to.have.property('kind', 'failed');
    expect(result).to.have.property('message').that.includes('ECONNREFUSED');
  });

  it('http: asks with path, host and headers, and gives the status', async () => {
    const seen: string[] = [];
    const listener: RequestListener = (request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host} ${String(request.headers['x-probe'])}`);
      response.writeHead(418).end('teapot');
    };
    const port = await listen(createHttp(listener));
    expect(await probe(at(port), base)).to.deep.equal({ kind: 'status', status: 418 });
    await probe(at(port), { ...base, hostHeader: 'api.example.com' });
    expect(seen).to.deep.equal([`GET /health 127.0.0.1:${port} one, two`, 'GET /health api.example.com one, two']);
  });

  it('http: no answer in time is a time-out', async () => {
    const port = await listen(
      createTcp((socket) => {
        closing.add(() => socket.destroy());
      }),
    );
    expect(await probe(at(port), { ...base, timeoutMs: 100 })).to.deep.equal({ kind: 'timeout' });
  });

  it('https: verifies the certificate unless it is told not to', async () => {
    const { certPem, keyPem } = await testCertificate({ names: ['127.0.0.1'] });
    const port = await listen(createHttps({ cert: certPem, key: keyPem }, (_request, response) => response.end()));
    const https = { ...base, type: 'https' as const };
    expect(await probe(at(port), https)).to.have.property('kind', 'failed');
    const trusting = await probe(at(port), { ...https, verifyCertificate: false });
    expect(trusting).to.deep.equal({ kind: 'status', status: 200 });
  });

  describe('grpc', () => {
    const rows: readonly { title: string; answer: Buffer | number; status: number }[] = [
      { title: 'SERVING counts as 200', answer: Buffer.from([0x08, 1]), status: 200 },
      { title: 'NOT_SERVING counts as 503', answer: Buffer.from([0x08, 2]), status: 503 },
      { title: 'a server without the health service serves', answer: grpcStatus.UNIMPLEMENTED, status: 200 },
      { title: 'an error counts as 503', answer: grpcStatus.INTERNAL, status: 503 },
    ];
    for (const { title, answer, status } of rows) {
      it(title, async () => {
        const port = await startGrpc(answer, closing);
        expect(await probe(at(port), { ...base, type: 'grpc' })).to.deep.equal({ kind: 'status', status });
      });
    }

    it('a refused connection has failed', async () => {
      const result = await probe(at(await freePort()), { ...base, type: 'grpc' });
      expect(result).to.have.property('kind', 'failed');
    });
  });
});

/** Starts a gRPC server whose health check answers with bytes, or with a status. */
async function startGrpc(answer: Buffer | number, closing: Closing): Promise<number> {
  const bytes = (value: Buffer) => value;
  const server = new GrpcServer();
  server.addService(
    {
      Check: {
        path: '/grpc.health.v1.Health/Check',
        requestStream: false,
        responseStream: false,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    {
      Check(_call: unknown, done: (error: { code: number } | null, value?: Buffer) => void) {
        if (typeof answer === 'number') done({ code: answer });
        else done(null, answer);
      },
    },
  );
  closing.add(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
