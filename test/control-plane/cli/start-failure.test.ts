import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import { failureLine, startFailure } from '../../../control-plane/cli/start-failure.ts';
import { Closing } from '../../helpers/closing.ts';
import { runSluice } from '../../helpers/sluice-process.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';

interface Mistake {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** 1: found at the start, in the log; 2: a fault of the settings, on standard error. */
  readonly code: 1 | 2;
  /** Setting, value and cure, in one line. */
  readonly says: string;
}

const off = (...listeners: string[]) => listeners.map((what) => `--${what}-listen=off`);
const controlPlane = ['--role=control_plane', '--database=cp.db', ...off('admin', 'cluster', 'status')];
const dataPlane = ['--role=data_plane', '--control-plane=127.0.0.1:1', '--data-dir=dp', ...off('proxy', 'status')];
const dbless = ['--role=dbless', ...off('admin', 'proxy', 'status')];
const without = (args: readonly string[], flag: string) => args.filter((arg) => !arg.startsWith(`--${flag}=`));

/** `PORT` stands for one that is in use. */
const mistakes: readonly Mistake[] = [
  {
    name: 'a port in use',
    args: [...without(controlPlane, 'admin-listen'), '--admin-listen=127.0.0.1:PORT'],
    code: 1,
    says: 'admin_listen 127.0.0.1:PORT: the port is in use; stop the process that has it, or choose another',
  },
  {
    name: 'an address of another machine',
    args: [...without(dataPlane, 'proxy-listen'), '--proxy-listen=192.0.2.1:0'],
    code: 1,
    says: 'proxy_listen 192.0.2.1:0: this machine has no such address; choose one of its own',
  },
  {
    name: 'a database that is a folder',
    args: [...without(controlPlane, 'database'), '--database=folder'],
    code: 1,
    says: 'database folder: it is a folder; name a file',
  },
  {
    name: 'a database that is another file',
    args: [...without(controlPlane, 'database'), '--database=text'],
    code: 1,
    says: 'database text: it is no SQLite database, or an encrypted one; name another file',
  },
  {
    name: 'a keyring that is not there',
    args: [...controlPlane, '--keyring=absent'],
    code: 1,
    says: 'keyring absent: there is no such file; mend the path, or make the file',
  },
  {
    name: 'a keyring that everybody can read',
    args: [...controlPlane, '--keyring=keys'],
    code: 1,
    says: 'keyring keys: every user of this machine can read the file (mode 644); run chmod 600 keys',
  },
  {
    name: 'a certificate that is none',
    args: [...controlPlane, '--cluster-cert=text', '--cluster-cert-key=text'],
    code: 1,
    says: 'cluster_cert text: the file text does not hold a certificate (PEM)',
  },
  {
    name: 'a data folder that is a file',
    args: [...without(dataPlane, 'data-dir'), '--data-dir=text'],
    code: 1,
    says: 'data_dir text: it is a file; name a folder',
  },
  {
    name: 'a declarative file that is not there',
    args: [...dbless, '--declarative-config=absent.yaml'],
    code: 1,
    says: 'declarative_config absent.yaml: there is no such file; mend the path, or make the file',
  },
  {
    name: 'a declarative file that is no YAML',
    args: [...dbless, '--declarative-config=broken.yaml'],
    code: 1,
    says: 'declarative_config broken.yaml: it has 1 fault: ',
  },
  {
    name: 'a declarative file with a reference that no node can resolve',
    args: [...dbless, '--declarative-config=vault.yaml'],
    code: 1,
    says: 'declarative_config vault.yaml: it has 1 fault: ',
  },
  {
    name: 'a file of settings that is not there',
    args: ['--config-file=absent.yaml'],
    code: 2,
    says: 'config_file: absent.yaml: the file absent.yaml cannot be read: there is no such file',
  },
  {
    name: 'a secret in a variable that is not set',
    args: [...controlPlane, '--admin-token=env:NOT_SET'],
    code: 2,
    says: 'admin_token: the variable NOT_SET is not set',
  },
  {
    name: 'a short token where others can reach the Admin API',
    args: [...without(controlPlane, 'admin-listen'), '--admin-listen=0.0.0.0:0'],
    env: { SLUICE_ADMIN_TOKEN: 'too-short' },
    code: 2,
    says: 'admin_token: must have at least 16 characters, since admin_listen is not a loopback address',
  },
  {
    name: 'a value that is none',
    args: [...controlPlane, '--log-level=loud'],
    code: 2,
    says: 'log_level: expected one of: debug, info, warn, error; got "loud"',
  },
];

const referenceToAws = `_format_version: "3.0"
plugins:
- name: kafka-upstream
  config:
    bootstrap_servers: [{host: k, port: 9092}]
    topic: t
    authentication: {strategy: sasl, mechanism: PLAIN, user: u, password: "{vault://aws/x}"}
`;

describe('a start that fails', function () {
  this.timeout(60_000);
  const closing = new Closing();
  let folder: string;
  let port: string;
  before(async () => {
    const temp = await tempFolder();
    closing.add(() => temp.remove());
    folder = temp.path;
    await mkdir(`${folder}/folder`);
    await writeFile(`${folder}/text`, 'some text that is neither a key nor a database');
    await writeFile(`${folder}/keys`, 'open to all');
    await chmod(`${folder}/keys`, 0o644);
    await writeFile(`${folder}/broken.yaml`, 'a: b: c\n');
    await writeFile(`${folder}/vault.yaml`, referenceToAws);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.add(() => server.close());
    const address = server.address();
    port = String(typeof address === 'object' ? address?.port : '');
  });
  after(() => closing.close());

  for (const { name, args, env = {}, code, says } of mistakes) {
    it(`names the setting, the value and the remedy of ${name}, without a stack`, async () => {
      const placed = args.map((arg) => arg.replace('PORT', port));
      const node = runSluice(['start', '--log-format=json', ...placed], { cwd: folder, env });
      closing.add(() => node.kill('SIGKILL'));
      expect(await node.exited).to.equal(code);
      const expected = says.replace('PORT', port);
      if (code === 2) expect(node.output()).to.include(expected);
      else {
        const failed = node.lines.find(({ event }) => event === 'failed');
        expect(failed?.['msg']).to.include(expected);
        expect(failed).to.include({ setting: expected.split(' ')[0] });
      }
      expect(node.output()).to.not.match(/^\s+at |"stack"/m);
    });
  }
});

describe('startFailure', () => {
  const listen = { host: '::1', port: 80 };
  const failureOf = (facts: object, settings: Parameters<typeof startFailure>[1]) => {
    const failure = startFailure(Object.assign(new Error('x'), facts), settings);
    return failure && failureLine(failure);
  };

  it('writes IPv6 addresses in brackets', () => {
    const error = { code: 'EACCES', address: '::1', port: 80 };
    expect(failureOf(error, { proxy_listen: listen })).to.match(/^proxy_listen \[::1\]:80: this user may not use/);
  });

  it('finds the setting of a cause', () => {
    const cause = Object.assign(new Error('x'), { code: 'EACCES', path: '/keys/ring' });
    const error = new Error('outer', { cause });
    expect(startFailure(error, { keyring: 'file:/keys/ring' })).to.include({ setting: 'keyring' });
  });

  it('finds the data folder by a file in it, and the database by its folder', () => {
    expect(failureOf({ code: 'ENOSPC', path: '/a/b/node-id' }, { data_dir: '/a/b' })).to.match(
      /^data_dir \/a\/b: its disk/,
    );
    expect(failureOf({ code: 'EROFS', path: '/a/b' }, { database: '/a/b/c.db' })).to.match(
      /^database \/a\/b\/c\.db: its/,
    );
  });

  it('never shows a secret', () => {
    const error = new Error('declarative_config_text: it has 1 fault');
    const failure = startFailure(error, { declarative_config_text: 'secret' });
    expect(failure && failureLine(failure)).to.equal('declarative_config_text: it has 1 fault');
  });

  it('blames no setting for other faults', () => {
    for (const error of [new Error('other: fault'), new Error('x'), 'text', undefined]) {
      expect(startFailure(error, { database: 'x' })).to.equal(undefined);
    }
    expect(failureOf({ code: 'EADDRINUSE', address: '127.0.0.1', port: 1 }, { proxy_listen: 'off' })).to.equal(
      undefined,
    );
    expect(failureOf({ code: 'ENOENT', path: '/elsewhere' }, { database: '/a/b' })).to.equal(undefined);
  });
});
