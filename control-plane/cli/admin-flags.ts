import { Option, type Command } from 'commander';
import { namesPlace, readSecret } from '../../shared/settings/secret-value.ts';

export interface AdminFlags {
  /** URL of the Admin API. */
  readonly admin: string;
  readonly token?: string;
}

/** Adds `--admin` and `--token`. Both have variables: an argument can be read by every user of the machine. */
export function addAdminFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--admin <url>', 'address of the Admin API').env('SLUICE_ADMIN').default('http://127.0.0.1:8001'),
    )
    .addOption(
      new Option('--token <token>', 'token of the Admin API, or file:PATH or env:NAME that holds it')
        .env('SLUICE_ADMIN_TOKEN')
        .default(undefined, 'none'),
    );
}

/** Puts the token itself in the place of `file:PATH` and `env:NAME`, and warns of one on the command line. */
export function readToken(command: Command): void {
  const written: unknown = command.opts()['token'];
  if (typeof written !== 'string') return;
  const source = command.getOptionValueSource('token');
  if (source === 'cli' && !namesPlace(written)) {
    console.error(
      'Warning: every user of this machine can read --token; use SLUICE_ADMIN_TOKEN, file:PATH or env:NAME',
    );
  }
  command.setOptionValueWithSource('token', readSecret(written, process.env), source);
}
