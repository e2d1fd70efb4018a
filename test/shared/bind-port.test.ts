import { createServer } from 'node:net';
import { expect } from 'chai';
import { bindPort } from '../../shared/bind-port.ts';

describe('the binding of a port', () => {
  it('tells the place that a free port was found at, and fails where the port is taken', async () => {
    const [first, second] = [createServer(), createServer()];
    try {
      const { host, port } = await bindPort(first, { host: '127.0.0.1', port: 0 });
      expect(host).to.equal('127.0.0.1');
      expect(port).to.be.greaterThan(0);
      const failure = await bindPort(second, { host, port }).catch((error: unknown) => error);
      expect(failure).to.include({ code: 'EADDRINUSE' });
    } finally {
      first.close();
      second.close();
    }
  });
});
