import { expect } from 'chai';
import { array, assert, dictionary, property, string } from 'fast-check';
import { editDistance, nearestName } from '../../../shared/nearest-name.ts';
import { parseSettings } from '../../../shared/settings/parse-settings.ts';
import { roles, type Role } from '../../../shared/settings/setting.ts';
import { isServiceLink, variableOf } from '../../../shared/settings/setting-sources.ts';
import type { SettingFault } from '../../../shared/settings/setting-fault.ts';
import {
  settingNames,
  settingsTable,
  type ReadValues,
  type SettingName,
  type Settings,
} from '../../../shared/settings/settings-table.ts';

type Env = Readonly<Record<string, string>>;

const controlPlane = ['--role=control_plane'];
const dataPlane = ['--role=data_plane', '--control-plane=127.0.0.1:8005'];

/** Values by name, whatever the role. */
function values(args: readonly string[], env: Env = {}): ReadValues {
  return valid(args, env);
}

function valid(args: readonly string[], env: Env = {}): Settings {
  const parsed = parseSettings({ args, env });
  if (parsed.kind === 'faulty') throw new Error(JSON.stringify(parsed.faults));
  return parsed.settings;
}

function faults(args: readonly string[], env: Env = {}): readonly SettingFault[] {
  const parsed = parseSettings({ args, env });
  return parsed.kind === 'faulty' ? parsed.faults : [];
}

/** The variables that Kubernetes (and Docker's links) set for a service with one named and one plain port. */
function serviceLinks(service: string): Env {
  const name = service.toUpperCase().replaceAll('-', '_');
  const links = ['80_TCP', '9_UDP', '7_SCTP'].flatMap((port) => {
    const [number = '', protocol = ''] = port.toLowerCase().split('_');
    return [
      [`${name}_PORT`, `${protocol}://10.0.0.1:${number}`],
      [`${name}_PORT_${port}`, `${protocol}://10.0.0.1:${number}`],
      [`${name}_PORT_${port}_PROTO`, protocol],
      [`${name}_PORT_${port}_PORT`, number],
      [`${name}_PORT_${port}_ADDR`, '10.0.0.1'],
    ];
  });
  const single = { HOST: '10.0.0.1', PORT: '80', PORT_HTTP: '80', PORT_GRPC_TLS: '81' };
  return Object.fromEntries([
    ...links,
    ...Object.entries(single).map(([key, value]) => [`${name}_SERVICE_${key}`, value]),
  ]) as Env;
}

describe('settings', () => {
  it('has the documented defaults', () => {
    const settings = { ...values(['--role=control_plane']), ...values(dataPlane) };
    expect(settings).to.include({
      role: 'data_plane',
      log_level: 'info',
      log_format: undefined,
      database: './sluice-data/control-plane.db',
      data_dir: './sluice-data/data-plane',
      kafka_client: 'kafkajs',
      workers: 1,
      request_body_max: 1_048_576,
      producer_memory_max: 268_435_456,
      node_purge_after: 14 * 86_400_000,
      drain_delay: 0,
      drain_timeout: 25_000,
    });
    expect(settings.admin_listen).to.deep.equal({ host: '127.0.0.1', port: 8001 });
    expect(settings.cluster_listen).to.deep.equal({ host: '127.0.0.1', port: 8005 });
    expect(settings.proxy_listen).to.deep.equal({ host: '0.0.0.0', port: 8000 });
    expect(settings.proxy_listen_tls).to.deep.equal({ host: '0.0.0.0', port: 8443, isDefault: true });
    expect(settings.status_listen).to.deep.equal({ host: '127.0.0.1', port: 8007 });
  });

  const read: [name: string, args: readonly string[], setting: SettingName, expected: unknown][] = [
    ['a value behind a space', [...controlPlane, '--log-level', 'debug'], 'log_level', 'debug'],
    ['off', [...dataPlane, '--status-listen=off'], 'status_listen', 'off'],
    ['port 0', [...dataPlane, '--proxy-listen=127.0.0.1:0'], 'proxy_listen', { host: '127.0.0.1', port: 0 }],
    ['IPv6', [...dataPlane, '--proxy-listen=[::1]:80'], 'proxy_listen', { host: '::1', port: 80 }],
    ['a host name', [...dataPlane, '--proxy-listen=localhost:80'], 'proxy_listen', { host: 'localhost', port: 80 }],
    ['bytes', [...dataPlane, '--request-body-max=500'], 'request_body_max', 500],
    ['kb', [...dataPlane, '--request-body-max=64kb'], 'request_body_max', 65_536],
    ['mb', [...dataPlane, '--request-body-max=2mb'], 'request_body_max', 2_097_152],
    ['ms', [...dataPlane, '--drain-timeout=250ms'], 'drain_timeout', 250],
    ['s', [...dataPlane, '--drain-timeout=3s'], 'drain_timeout', 3000],
    ['m', [...dataPlane, '--drain-timeout=2m'], 'drain_timeout', 120_000],
    ['h', [...dataPlane, '--drain-timeout=1h'], 'drain_timeout', 3_600_000],
    ['d', [...controlPlane, '--node-purge-after=30d'], 'node_purge_after', 30 * 86_400_000],
    ['labels', [...dataPlane, '--node-labels=zone=a,rack='], 'node_labels', { zone: 'a', rack: '' }],
    ['CIDRs', [...dataPlane, '--trusted-ips=10.0.0.0/8, ::1'], 'trusted_ips', ['10.0.0.0/8', '::1']],
    [
      'several control planes',
      ['--role=data_plane', '--control-plane=localhost:1,[::1]:2'],
      'control_plane',
      ['localhost:1', '[::1]:2'],
    ],
    ['origins', [...controlPlane, '--admin-cors-origins=https://a.test'], 'admin_cors_origins', ['https://a.test']],
    ['a number of workers', [...dataPlane, '--workers=2'], 'workers', 2],
    ['a worker for each core', [...dataPlane, '--workers=auto'], 'workers', 'auto'],
  ];
  for (const [name, args, setting, expected] of read) {
    it(`reads ${name}`, () => {
      expect(values(args)[setting]).to.deep.equal(expected);
    });
  }

  const refused: [args: readonly string[], name: string, message: string][] = [
    [[], 'role', 'required'],
    [['--role=cp'], 'role', 'expected one of'],
    [['--role=dbless'], 'declarative_config', 'required'],
    [['--role=traditional', '--cluster-listen=127.0.0.1:1'], 'cluster_listen', 'no setting of role traditional'],
    [['--role=data_plane'], 'control_plane', 'required'],
    [['--role=data_plane', '--control-plane=host'], 'control_plane', 'host:port'],
    [['--role=data_plane', '--control-plane=127.0.0.1:0'], 'control_plane', 'host:port'],
    [['--role=data_plane', '--control-plane=10.0.0.1:8005'], 'control_plane', 'cluster_cert'],
    [[...dataPlane, '--proxy-listen=8000'], 'proxy_listen', 'host:port'],
    [[...dataPlane, '--proxy-listen=::1:8000'], 'proxy_listen', '[IPv6]'],
    [[...dataPlane, '--proxy-listen=1.2.3:8000'], 'proxy_listen', 'host:port'],
    [[...dataPlane, '--proxy-listen=127.0.0.1:65536'], 'proxy_listen', 'host:port'],
    [[...dataPlane, '--request-body-max=1gb'], 'request_body_max', 'a size'],
    [[...dataPlane, '--request-body-max=0'], 'request_body_max', 'between'],
    [[...dataPlane, '--request-body-max=-1'], 'request_body_max', 'a size'],
    [[...dataPlane, '--drain-timeout=5'], 'drain_timeout', 'a duration'],
    [[...dataPlane, '--drain-timeout=30d'], 'drain_timeout', 'between'],
    [[...dataPlane, '--drain-delay=1m'], 'drain_delay', 'longer than drain_timeout'],
    [[...dataPlane, '--node-labels=a'], 'node_labels', 'key=value'],
    [[...dataPlane, '--node-labels=a=1,a=2'], 'node_labels', 'each key once'],
    [[...dataPlane, '--trusted-ips=10.0.0.0/33'], 'trusted_ips', 'CIDRs'],
    [[...dataPlane, '--workers=0'], 'workers', 'expected auto or'],
    [[...controlPlane, '--cluster-cert=file'], 'cluster_cert', 'needs cluster_cert_key'],
    [[...controlPlane, '--cluster-ca=file'], 'cluster_ca', 'needs cluster_cert and cluster_cert_key'],
    [[...controlPlane, '--cluster-server-name=x'], 'cluster_server_name', 'needs cluster_ca'],
    [
      [...dataPlane, '--cluster-cert=a', '--cluster-cert-key=b', '--cluster-ca=c'],
      'cluster_ca',
      'needs cluster_server_name',
    ],
    [[...controlPlane, '--admin-tls-key=file'], 'admin_tls_key', 'needs admin_tls_cert'],
    [[...controlPlane, '--admin-listen=0.0.0.0:8001'], 'admin_listen', 'admin_token is needed'],
    [[...controlPlane, '--cluster-listen=[::]:8005'], 'cluster_listen', 'cluster_cert'],
    [[...controlPlane, '--admin-token=a', '--admin-token-read-only=a'], 'admin_token_read_only', 'differ'],
    [
      [...controlPlane, '--admin-listen=0.0.0.0:1', '--admin-token=only-15-letters'],
      'admin_token',
      'at least 16 characters',
    ],
    [
      [...controlPlane, '--admin-listen=0.0.0.0:1', '--admin-token=0123456789abcdef', '--admin-token-read-only=short'],
      'admin_token_read_only',
      'at least 16 characters',
    ],
    [[...controlPlane, '--admin-token=a b'], 'admin_token', 'visible ASCII'],
    [[...controlPlane, '--proxy-listen=127.0.0.1:1'], 'proxy_listen', 'no setting of role control_plane'],
    [[...controlPlane, '--log-level'], 'log_level', 'needs a value'],
    [[...controlPlane, '--log-level', '--database=x'], 'log_level', 'needs a value'],
    [[...controlPlane, '--database=a', '--database=b'], 'database', 'given twice'],
    [[...controlPlane, 'stray'], 'arguments', 'only flags'],
    [[...controlPlane, '--admin-listn=x'], '--admin-listn', 'did you mean --admin-listen?'],
    [[...controlPlane, '--admin_listen=x'], '--admin_listen', 'did you mean --admin-listen?'],
    [[...controlPlane, '--entirely-different=x'], '--entirely-different', 'unknown flag'],
  ];
  for (const [args, name, message] of refused) {
    it(`refuses ${args.join(' ') || 'nothing at all'}`, () => {
      const found = faults(args).filter((fault) => fault.name === name);
      expect(found.map((fault) => fault.message).join('; ')).to.include(message);
    });
  }

  it('reports every fault at once and never repeats a value', () => {
    const found = faults(['--role=control_plane', '--log-level=loud', '--admin-token=my secret', '--databse=x'], {
      SLUICE_CLUSTER_LISTEN: '0.0.0.0:1',
    });
    expect(found.map(({ name }) => name)).to.have.members(['--databse', 'log_level', 'admin_token', 'cluster_listen']);
    expect(JSON.stringify(found)).not.to.include('my secret');
  });

  it('accepts an open cluster port, and a control plane elsewhere, with certificates', () => {
    const pair = ['--cluster-cert=a', '--cluster-cert-key=b'];
    expect(faults([...controlPlane, '--cluster-listen=0.0.0.0:8005', ...pair])).to.deep.equal([]);
    expect(faults(['--role=data_plane', '--control-plane=10.0.0.1:8005', ...pair])).to.deep.equal([]);
  });

  it('accepts an open admin listener with a token', () => {
    expect(faults([...controlPlane, '--admin-listen=0.0.0.0:8001', '--admin-token=sixteen-letters-'])).to.deep.equal(
      [],
    );
  });

  it('lets a flag win over its variable, and takes an empty variable for none', () => {
    const env = { SLUICE_ROLE: 'control_plane', SLUICE_LOG_LEVEL: 'warn', SLUICE_LOG_FORMAT: '' };
    expect(valid([], env)).to.include({ role: 'control_plane', log_level: 'warn', log_format: undefined });
    expect(valid(['--log-level=error'], env).log_level).to.equal('error');
  });

  it('has the settings of its role only', () => {
    const required = { data_plane: dataPlane, dbless: ['--role=dbless', '--declarative-config=x'] };
    for (const role of roles) {
      const args = { ...required }[role as keyof typeof required] ?? [`--role=${role}`];
      const own = settingNames.filter((name) => (settingsTable[name].roles as readonly Role[]).includes(role));
      expect(Object.keys(valid(args)), role).to.have.members(own);
    }
  });

  it('ignores variables of other roles, of tests and of orchestrators', () => {
    const env = {
      SLUICE_PROXY_LISTEN: 'nonsense',
      SLUICE_TEST_ROLE: 'x',
      SLUICE_PORT: 'tcp://10.0.0.1:80',
      SLUICE_SERVICE_HOST: '10.0.0.1',
      SLUICE_PORT_8000_TCP_ADDR: '10.0.0.1',
    };
    expect(faults(controlPlane, env)).to.deep.equal([]);
  });

  it('ignores what an orchestrator sets for services whose names begin like settings', () => {
    const services = new Set(['sluice']);
    for (const name of settingNames) {
      const words = name.split('_');
      words.forEach((_, count) => services.add(`sluice-${words.slice(0, count + 1).join('-')}`));
    }
    for (const service of services) {
      for (const [variable, value] of Object.entries(serviceLinks(service))) {
        expect(faults(controlPlane, { [variable]: value }), variable).to.deep.equal([]);
      }
    }
    expect(services.size).to.be.greaterThan(settingNames.length);
  });

  it("still refuses slips that only look like an orchestrator's", () => {
    expect(faults(controlPlane, { SLUICE_CLUSTER_PORT: '8005' })).to.have.length(1);
    for (const name of settingNames) expect(isServiceLink(variableOf(name), 'tcp://10.0.0.1:1'), name).to.equal(false);
  });

  it('refuses a variable that looks like a typing slip', () => {
    const [fault] = faults(controlPlane, { SLUICE_ADMIN_LISTNE: '127.0.0.1:1' });
    expect(fault).to.deep.equal({
      name: 'SLUICE_ADMIN_LISTNE',
      message: 'unknown variable; did you mean SLUICE_ADMIN_LISTEN?',
    });
  });

  it('throws nothing, whatever it is given', () => {
    assert(
      property(
        array(string()),
        dictionary(
          string().map((name) => `SLUICE_${name}`),
          string(),
        ),
        (args, env) => {
          parseSettings({ args: ['--role=control_plane', ...args], env });
        },
      ),
    );
  });
});

describe('nearest name', () => {
  it('counts insertions, deletions, replacements and swaps', () => {
    for (const [a, b, edits] of [
      ['', '', 0],
      ['abc', '', 3],
      ['abc', 'abd', 1],
      ['abc', 'acb', 1],
      ['workers', 'worker', 1],
    ] as const) {
      expect(editDistance(a, b), `${a} ${b}`).to.equal(edits);
    }
  });

  it('is symmetric', () => {
    assert(property(string(), string(), (a, b) => editDistance(a, b) === editDistance(b, a)));
  });

  it('finds no name that is far off', () => {
    expect(nearestName('port', ['role'])).to.equal(undefined);
    expect(nearestName('worker', ['role', 'workers'])).to.equal('workers');
  });
});
