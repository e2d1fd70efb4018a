import { expect } from 'chai';
import { runNode, type RunningNode } from '../../shared/lifecycle.ts';
import { createLogger } from '../../shared/log.ts';

interface Observed {
  readonly events: string[];
  readonly logger: ReturnType<typeof createLogger>;
}

function observe(): Observed {
  const events: string[] = [];
  const write = (line: string) => {
    const { event, what } = JSON.parse(line) as { event: string; what?: string };
    events.push(what === undefined ? event : `${event} ${what}`);
  };
  return { events, logger: createLogger({ level: 'info', format: 'json', write }) };
}

function node(events: string[], more: Partial<RunningNode> = {}): RunningNode {
  return {
    addresses: { admin: '127.0.0.1:1', status: '127.0.0.1:2' },
    async stop() {
      events.push('stop called');
    },
    ...more,
  };
}

describe('lifecycle', () => {
  it('logs addresses and ready, stops on SIGTERM, exit code 0, and takes its listeners away', async () => {
    const { events, logger } = observe();
    const listeners = process.listenerCount('SIGTERM');
    const ready = new Promise<void>((resolve) => {
      setImmediate(() => {
        resolve();
        setImmediate(() => process.emit('SIGTERM'));
      });
    });
    const code = await runNode({ start: async () => node(events, { ready }), logger });
    expect(code).to.equal(0);
    expect(events).to.deep.equal([
      'listening admin',
      'listening status',
      'ready',
      'stopping',
      'stop called',
      'stopped',
    ]);
    expect(process.listenerCount('SIGTERM')).to.equal(listeners);
  });

  it('stops when the parent is gone', async () => {
    const { events, logger } = observe();
    const code = await runNode({ start: async () => node(events), logger, parentGone: Promise.resolve() });
    expect(code).to.equal(0);
    expect(events).to.include('stop called');
  });

  it('gives exit code 1 when starting fails or stopping fails', async () => {
    const { events, logger } = observe();
    const start = () => Promise.reject(new Error('no port'));
    expect(await runNode({ start, logger })).to.equal(1);
    const stop = () => Promise.reject(new Error('stuck'));
    const parentGone = Promise.resolve();
    expect(await runNode({ start: async () => node(events, { stop }), logger, parentGone })).to.equal(1);
    expect(events.filter((event) => event === 'failed')).to.have.length(2);
  });
});
