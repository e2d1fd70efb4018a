import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { endSignals } from '../../shared/lifecycle.ts';
import { bootstrapServers } from '../helpers/admin.ts';
import { Closing } from '../helpers/closing.ts';
import { countRecords, createTopic, testKafka } from '../helpers/kafka.ts';
import { post } from '../helpers/post.ts';
import { runDbless } from '../helpers/sluice-process.ts';
import { tempFolder } from '../helpers/temp-folder.ts';
import { waitFor } from '../helpers/wait-for.ts';

const bin = fileURLToPath(new URL('../../control-plane/cli/sluice.js', import.meta.url));
const isolate = ['--user', '--map-root-user', '--pid', '--fork'];

/** Returns whether this machine lets a process have a process table of its own. */
function canBePidOne(): boolean {
  try {
    execFileSync('unshare', [...isolate, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('signals', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let folder: string;
  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
  });
  after(() => closing.close());

  /** A document whose route takes records that wait for half a second before they leave. */
  async function asyncDocument(topic: string): Promise<string> {
    const path = `${folder}/${topic}.json`;
    const config = {
      bootstrap_servers: bootstrapServers(testKafka()),
      topic,
      record_value: 'body',
      producer_async: true,
      producer_async_flush_timeout: 500,
    };
    const plugins = [{ name: 'kafka-upstream', config }];
    const routes = [{ name: 'late', paths: ['/late'], plugins }];
    await writeFile(path, JSON.stringify({ _format_version: '3.0', routes }));
    return path;
  }

  for (const signal of endSignals) {
    it(`${signal} drains: an accepted record that still waits is written, exit code 0`, async () => {
      const topic = await createTopic('signals');
      const node = await runDbless([`--declarative-config=${await asyncDocument(topic)}`]);
      closing.add(() => node.stop());
      expect((await post(`${node.proxy}/late`, { signal })).body.outcome).to.equal('accepted');
      node.kill(signal);
      expect(await node.exited).to.equal(0);
      expect(node.lines.map(({ event }) => event)).to.include('stopped');
      expect(await countRecords(topic)).to.equal(1);
    });
  }

  // The kernel drops signals to the first process of a container unless it listens for them.
  if (canBePidOne()) {
    for (const signal of endSignals) {
      it(`${signal} ends the first process of a container too`, async () => {
        const listen = ['admin', 'proxy', 'status'].map((what) => `--${what}-listen=127.0.0.1:0`);
        const text = '--declarative-config-text={"_format_version":"3.0"}';
        const node = ['start', '--role=dbless', '--log-format=json', ...listen, text];
        const child = spawn('unshare', [...isolate, process.execPath, bin, ...node], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        closing.add(() => child.kill('SIGKILL'));
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
        await waitFor(() => output.includes('"event":"ready"'), { what: 'the node', timeoutMs: 30_000 });
        const inner = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
        expect(readFileSync(`/proc/${inner}/status`, 'utf8')).to.match(/^NSpid:\s+\d+\s+1$/m);
        process.kill(inner, signal);
        const [code] = await once(child, 'exit');
        expect(code).to.equal(0);
        expect(output).to.include('"event":"stopped"');
      });
    }
  }

  it('a terminal that was closed ends the node in good order', async () => {
    // Closing the master side of a pseudo-terminal is what a closed window does; Python can open one.
    const script = `
import os, pty, sys
pid, master = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'[ready]' not in seen: seen += os.read(master, 4096)
os.close(master)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)`;
    const listen = ['admin', 'proxy', 'status'].map((what) => `--${what}-listen=127.0.0.1:0`);
    const text = '--declarative-config-text={"_format_version":"3.0"}';
    const child = spawn('python3', ['-c', script, process.execPath, bin, 'start', '--role=dbless', ...listen, text]);
    closing.add(() => child.kill('SIGKILL'));
    const [code] = await once(child, 'exit');
    expect(code).to.equal(0);
  });

  it('SIGUSR1 opens no debugger', async () => {
    const node = await runDbless(['--declarative-config-text={"_format_version":"3.0"}']);
    closing.add(() => node.stop());
    node.kill('SIGUSR1');
    // Node.js says so on standard error before it does anything else; two answers leave it the time to.
    for (const path of ['/status', '/status/ready'])
      expect((await fetch(`${node.status}${path}`)).status).to.equal(200);
    expect(node.output()).to.not.match(/debugger/i);
    expect(await node.stop()).to.equal(0);
  });
});
