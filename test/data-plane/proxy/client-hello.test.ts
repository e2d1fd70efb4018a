import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { assert, integer, property, uint8Array } from 'fast-check';
import { serverNameOf } from '../../../data-plane/proxy/client-hello.ts';

/** The first bytes that Node.js's own client sends. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ...(servername !== undefined && { servername }) });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

describe('serverNameOf', () => {
  for (const [servername, name] of [
    ['a.example', 'a.example'],
    ['A.Example', 'a.example'],
    [undefined, ''],
  ] as const) {
    it(`finds ${servername ?? 'no name'}`, async () => {
      expect(serverNameOf(await helloOf(servername))).to.deep.equal({ kind: 'name', name });
    });
  }

  it('waits for all of it, and takes it in several records', async () => {
    const hello = await helloOf('a.example');
    for (let length = 0; length < hello.length; length++) {
      expect(serverNameOf(hello.subarray(0, length)), `${length} bytes`).to.deep.equal({ kind: 'incomplete' });
    }
    const body = hello.subarray(5);
    const records: Buffer[] = [];
    for (let at = 0; at < body.length; at += 50) {
      const part = body.subarray(at, at + 50);
      records.push(Buffer.from([22, 3, 1, 0, part.length]), part);
    }
    expect(serverNameOf(Buffer.concat(records))).to.deep.equal({ kind: 'name', name: 'a.example' });
  });

  it('finds no name in what is no ClientHello', () => {
    expect(serverNameOf(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).to.deep.equal({ kind: 'name', name: '' });
    expect(serverNameOf(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))).to.deep.equal({ kind: 'name', name: '' });
  });

  it('answers to any bytes, and to any change of good ones', async () => {
    const hello = await helloOf('a.example');
    assert(property(uint8Array({ maxLength: 300 }), (bytes) => void serverNameOf(Buffer.from(bytes))));
    assert(
      property(integer({ min: 0, max: hello.length - 1 }), integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = Buffer.from(hello);
        changed[at] = byte;
        serverNameOf(changed);
      }),
    );
  });
});
