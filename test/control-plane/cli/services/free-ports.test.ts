import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { startOnFreePorts } from '../../../../control-plane/cli/services/free-ports.ts';
import { PortTakenError, waitUntilReady } from '../../../../control-plane/cli/services/jvm-process.ts';
import { tempFolder } from '../../../helpers/temp-folder.ts';

describe('ports of services', () => {
  const failing = (failures: readonly Error[]) => {
    const left = [...failures];
    const tried: (readonly number[])[] = [];
    return {
      tried,
      start: (ports: readonly number[]) => {
        tried.push(ports);
        const failure = left.shift();
        return failure === undefined ? Promise.resolve('started') : Promise.reject(failure);
      },
    };
  };
  const taken = new PortTakenError('It', 'its.log');
  const choosePorts = (count: number) => Promise.resolve(Array.from({ length: count }, (_, index) => index));

  it('are chosen again when one was taken before it was bound', async () => {
    const { start, tried } = failing([taken, taken]);
    expect(await startOnFreePorts({ count: 2 }, start)).to.equal('started');
    expect(tried).to.have.length(3);
    for (const ports of tried) expect(new Set(ports).size).to.equal(2);
  });

  it('are given up after some attempts', async () => {
    const { start, tried } = failing(Array.from({ length: 10 }, () => taken));
    expect(await startOnFreePorts({ count: 1, choosePorts }, start).catch((error: unknown) => error)).to.equal(taken);
    expect(tried).to.have.length(4);
  });

  it('are not chosen again for another failure', async () => {
    const other = new Error('no memory');
    const { start, tried } = failing([other]);
    expect(await startOnFreePorts({ count: 1, choosePorts }, start).catch((error: unknown) => error)).to.equal(other);
    expect(tried).to.have.length(1);
  });

  const lastWords: readonly { readonly who: string; readonly log: string; readonly isTaken: boolean }[] = [
    {
      who: 'Kafka',
      log: `Socket server failed to bind to 127.0.0.1:9092: Address already in use.\n${'at a.b.C(D.java)\n'.repeat(80)}`,
      isTaken: true,
    },
    { who: 'the registry', log: 'Port 8081 seems to be in use by another process.\nYou can try', isTaken: true },
    { who: 'a service without memory', log: 'java.lang.OutOfMemoryError: Java heap space', isTaken: false },
  ];
  for (const { who, log, isTaken } of lastWords) {
    it(`are ${isTaken ? '' : 'not '}blamed for the end of ${who}`, async () => {
      const folder = await tempFolder();
      try {
        const logFile = `${folder.path}/service.log`;
        await writeFile(logFile, log);
        const error = await waitUntilReady({
          what: who,
          // Nobody's: no process bears this marker.
          process: { pid: process.pid, marker: folder.path },
          logFile,
          timeoutMs: 10_000,
          check: () => Promise.reject(new Error('no answer')),
        }).catch((caught: unknown) => caught);
        expect(error).to.be.instanceOf(Error);
        expect(error instanceof PortTakenError).to.equal(isTaken);
      } finally {
        await folder.remove();
      }
    });
  }
});
