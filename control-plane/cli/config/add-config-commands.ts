import type { Command } from 'commander';
import { addAdminFlags } from '../admin-flags.ts';
import { durationMs } from '../duration-option.ts';
import {
  diffCommand,
  exportCommand,
  importCommand,
  validateCommand,
  type ImportFlags,
  type SelectFlags,
} from './config-commands.ts';

const filesHelp = 'YAML or JSON; several files are one configuration, `-` is standard input';
const tagHelp = 'only entities with this tag; may be given several times';

/** Adds `sluice config` and its commands to the program. */
export function addConfigCommands(program: Command, finish: (code: number) => void): void {
  const config = program.command('config').description('declarative files: validate, diff, import, export');
  config
    .command('validate')
    .description('check declarative files offline; prints every fault with its path')
    .argument('<files...>', filesHelp)
    .action(async (files: string[]) => finish(await validateCommand(files)));
  addAdminFlags(
    config
      .command('diff')
      .description('what an import would change, with old and new values; secrets are masked')
      .argument('<files...>', filesHelp)
      .option('--select-tag <tag>', tagHelp, collected, [])
      .option('--exit-code', 'exit 3 when there is a difference', false),
  ).action(async (files: string[], options: SelectFlags & { exitCode: boolean }) =>
    finish(await diffCommand(files, options)),
  );
  addAdminFlags(
    config
      .command('import')
      .description('replace the whole configuration by files; shows the difference first and follows the rollout')
      .argument('<files...>', filesHelp)
      .option('--yes', 'delete what the files do not hold', false)
      .option('--dry-run', 'show the difference and change nothing', false)
      .option('--select-tag <tag>', `${tagHelp}; all others stay as they are`, collected, [])
      .option('--wait', 'fail also where no data plane is connected')
      .option('--no-wait', 'do not wait for the data planes')
      .option('--timeout <duration>', 'bound of the wait, at most 1m', durationMs, 30_000),
  ).action(async (files: string[], options: ImportFlags) => finish(await importCommand(files, options)));
  addAdminFlags(
    config
      .command('export')
      .description('the whole configuration, secrets included, as a declarative file')
      .argument('[file]', 'written with mode 0600; JSON where the name ends so, else YAML (default: standard output)')
      .option('--select-tag <tag>', tagHelp, collected, []),
  ).action(async (file: string | undefined, options: SelectFlags) => finish(await exportCommand(file, options)));
}

function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
