import { expect } from 'chai';
import { allRead, controlPlaneOptions, dataPlaneOptions } from '../../../control-plane/cli/role-options.ts';
import { parseSettings } from '../../../shared/settings/parse-settings.ts';
import type { SettingsOf } from '../../../shared/settings/settings-table.ts';

describe('the options of a role', () => {
  it('are refused by the compiler, and at run time, where a setting is left that nothing reads', () => {
    const { database, ...rest } = { database: 'a', admin_listen: 'off' };
    // @ts-expect-error: admin_listen is left
    expect(() => allRead(rest)).to.throw('admin_listen');
    expect(database).to.equal('a');
    allRead({});
  });

  it('are refused by the compiler where a setting is read that has no row, or that is of another role', () => {
    const read = (settings: SettingsOf<'data_plane'>) => [
      // @ts-expect-error: no such row
      settings.databse,
      // @ts-expect-error: a setting of the control plane
      settings.database,
      settings.data_dir,
    ];
    expect(read).to.be.a('function');
  });

  it('hold the values of the settings, with no name where none was given', () => {
    const controlPlane = parseSettings({ args: ['--role=control_plane', '--keyring=k', '--database=d'], env: {} });
    if (controlPlane.kind === 'faulty' || controlPlane.settings.role !== 'control_plane') throw new Error('faulty');
    const { log_level: level, log_format: format, config_file: _file, ...own } = controlPlane.settings;
    expect([level, format]).to.deep.equal(['info', undefined]);
    const options = controlPlaneOptions(own);
    expect(options).to.include({ keyring: 'k', database: 'd', nodePurgeAfterMs: 14 * 86_400_000 });
    expect(options).to.not.have.any.keys('clusterFiles', 'adminToken', 'adminTlsFiles');
  });

  it('have the certificates of the cluster when both files are given', () => {
    const args = ['--role=data_plane', '--control-plane=127.0.0.1:1', '--cluster-cert=c', '--cluster-cert-key=k'];
    const parsed = parseSettings({ args, env: {} });
    if (parsed.kind === 'faulty' || parsed.settings.role !== 'data_plane') throw new Error('faulty');
    const { log_level: _level, log_format: _format, config_file: _file, ...own } = parsed.settings;
    expect(dataPlaneOptions(own).clusterFiles).to.deep.equal({
      cert: 'c',
      key: 'k',
      ca: undefined,
      serverName: undefined,
    });
  });
});
