import { chmod, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parseSettings, type ParsedSettings } from '../../../shared/settings/parse-settings.ts';
import type { ReadValues } from '../../../shared/settings/settings-table.ts';
import { tempFolder, type TempFolder } from '../../helpers/temp-folder.ts';

describe('the sources of a setting', () => {
  let folder: TempFolder;
  before(async () => {
    folder = await tempFolder();
  });
  after(() => folder.remove());

  async function file(text: string): Promise<string> {
    const path = `${folder.path}/settings.yaml`;
    await writeFile(path, text);
    return path;
  }

  const settingsOf = (parsed: ParsedSettings): ReadValues => {
    if (parsed.kind === 'faulty') throw new Error(JSON.stringify(parsed.faults));
    return parsed.settings;
  };
  const faultsOf = (parsed: ParsedSettings) => (parsed.kind === 'faulty' ? parsed.faults : []);

  const values = `
role: data_plane
control_plane: [localhost:1, localhost:2]
node_labels: {zone: a, rack: 1}
request_body_max: 500
trusted_ips: 10.0.0.0/8
status_listen: off
drain_delay: null
log_level: warn
`;

  it('include a file of texts, numbers, lists and mappings', async () => {
    const path = await file(values);
    const settings = settingsOf(parseSettings({ args: [`--config-file=${path}`], env: {} }));
    expect(settings).to.deep.include({
      role: 'data_plane',
      control_plane: ['localhost:1', 'localhost:2'],
      node_labels: { zone: 'a', rack: '1' },
      request_body_max: 500,
      trusted_ips: ['10.0.0.0/8'],
      status_listen: 'off',
      drain_delay: 0,
      config_file: path,
    });
  });

  it('are read in this order: a flag, a variable, the file', async () => {
    const path = await file(values);
    const env = { SLUICE_CONFIG_FILE: path, SLUICE_LOG_LEVEL: 'error', SLUICE_REQUEST_BODY_MAX: '600' };
    const settings = settingsOf(parseSettings({ args: ['--log-level=debug'], env }));
    expect(settings).to.include({ log_level: 'debug', request_body_max: 600, drain_timeout: 25_000 });
  });

  const faulty: [name: string, text: string, message: string][] = [
    ['an unknown name', 'databse: x', 'unknown setting databse; did you mean database?'],
    ['a name as a flag writes it', 'admin-listen: x', 'unknown setting admin-listen; did you mean admin_listen?'],
    ['a far name', 'entirely_different: x', 'unknown setting entirely_different'],
    ['no mapping', '- role', 'expected a mapping of settings to values'],
    ['broken YAML', 'a: b: c', 'line 1, column 5: '],
    ['a name twice', 'role: dbless\nrole: dbless', 'line 2, column 1: '],
    [
      'a list of lists',
      'trusted_ips: [[[null]]]',
      'trusted_ips: expected a text, a number, true, false or a list of them',
    ],
    ['itself', 'config_file: x', 'config_file cannot stand in the file itself'],
  ];
  for (const [name, text, message] of faulty) {
    it(`refuse a file with ${name}`, async () => {
      const path = await file(text);
      const found = faultsOf(parseSettings({ args: ['--role=control_plane', `--config-file=${path}`], env: {} }));
      expect(found.map((fault) => `${fault.name}: ${fault.message}`).join('\n')).to.include(
        `config_file: ${path}: ${message}`,
      );
    });
  }

  it('refuse a file with settings of another role, and name the setting of a wrong value', async () => {
    const path = await file('role: control_plane\nproxy_listen: 127.0.0.1:1\nlog_level: loud\n');
    expect(faultsOf(parseSettings({ args: [`--config-file=${path}`], env: {} }))).to.deep.equal([
      { name: 'log_level', message: 'expected one of: debug, info, warn, error; got "loud"' },
      { name: 'proxy_listen', message: 'is no setting of role control_plane' },
    ]);
  });

  it('include a file or a variable for a secret, without the newline at its end', async () => {
    const path = await file('token-of-sixteen-letters\r\n');
    await chmod(path, 0o600);
    const env = { ELSEWHERE: 'another-token-of-mine' };
    const args = ['--role=control_plane', `--admin-token=file:${path}`, '--admin-token-read-only=env:ELSEWHERE'];
    const parsed = parseSettings({ args, env });
    expect(settingsOf(parsed)).to.include({
      admin_token: 'token-of-sixteen-letters',
      admin_token_read_only: 'another-token-of-mine',
    });
    expect(parsed).to.deep.include({ warnings: [] });
  });

  it('include a warning for a secret on the command line', () => {
    const args = ['--role=control_plane', '--admin-token=planted-token'];
    const parsed = parseSettings({ args, env: { SLUICE_ADMIN_TOKEN_READ_ONLY: 'fine-here' } });
    const warnings = parsed.kind === 'valid' ? parsed.warnings : [];
    expect(warnings.map(({ name }) => name)).to.deep.equal(['admin_token']);
    expect(JSON.stringify(warnings)).to.not.include('planted-token');
  });

  const unreadable: [name: string, value: string, message: string][] = [
    ['a file that is not there', 'file:/no/such/file', 'the file /no/such/file cannot be read: there is no such file'],
    ['a folder', 'file:/', 'the file / cannot be read: it is a folder'],
    ['a variable that is not set', 'env:NOT_SET', 'the variable NOT_SET is not set'],
    ['an empty variable', 'env:EMPTY', 'the variable EMPTY is not set'],
  ];
  for (const [name, value, message] of unreadable) {
    it(`refuse ${name}`, () => {
      const parsed = parseSettings({ args: ['--role=control_plane', `--admin-token=${value}`], env: { EMPTY: '' } });
      expect(faultsOf(parsed)).to.deep.equal([{ name: 'admin_token', message }]);
    });
  }

  const documents: [args: readonly string[], name: string, message: string][] = [
    [[], 'declarative_config', 'is required, or declarative_config_text'],
    [
      ['--declarative-config=a', '--declarative-config-text=b'],
      'declarative_config_text',
      'excludes declarative_config',
    ],
    [['--declarative-config-text=b', '--watch-config=true'], 'watch_config', 'needs declarative_config'],
    [['--declarative-config=a', '--watch-config=yes'], 'watch_config', 'expected one of: true, false'],
  ];
  for (const [args, name, message] of documents) {
    it(`of a dbless node may not be ${args.join(' ') || 'none'}`, () => {
      const found = faultsOf(parseSettings({ args: ['--role=dbless', ...args], env: {} }));
      expect(found).to.have.length(1);
      expect(found[0]?.name).to.equal(name);
      expect(found[0]?.message).to.include(message);
    });
  }
});
