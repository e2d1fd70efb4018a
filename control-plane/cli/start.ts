import type { NodeOptions } from '../../data-plane/node-options.ts';
import { createLogger, type Logger } from '../../shared/log.ts';
import { parentGone, runNode, type RunningNode, type StartFault } from '../../shared/lifecycle.ts';
import { parseSettings } from '../../shared/settings/parse-settings.ts';
import { flagOf, variableOf } from '../../shared/settings/setting-sources.ts';
import { settingsTable } from '../../shared/settings/settings-table.ts';
import {
  controlPlaneOptions,
  dataPlaneOptions,
  dblessOptions,
  traditionalOptions,
  type RoleSettings,
} from './role-options.ts';
import { failureLine, startFailure } from './start-failure.ts';

const exitUsage = 2;

/** `sluice start`: runs one node until a signal. Resolves to the exit code. */
export async function startCommand(args: readonly string[]): Promise<number> {
  const parsed = parseSettings({ args, env: process.env });
  if (parsed.kind === 'faulty') {
    for (const { name, message } of parsed.faults) console.error(`${name}: ${message}`);
    console.error('(sluice start --help lists all settings)');
    return exitUsage;
  }
  const { log_level: level, log_format: format, config_file: _configFile, ...settings } = parsed.settings;
  const written = format ?? (process.stdout.isTTY ? 'pretty' : 'json');
  const logger = createLogger({ level, format: written });
  for (const { name, message } of parsed.warnings) {
    logger.warn('secret_on_command_line', `${name}: ${message}`, { setting: name });
  }
  const gone = parentGone();
  return runNode({
    start: () => startRole(settings, logger, { level, format: written }),
    logger,
    explain: (error) => explainFailure(error, settings),
    ...(gone === undefined ? {} : { parentGone: gone }),
  });
}

function explainFailure(error: unknown, settings: RoleSettings): StartFault | undefined {
  const failure = startFailure(error, settings);
  return failure && { message: failureLine(failure), fields: { setting: failure.setting, value: failure.value } };
}

/** Starts the role, whose code is imported only then: a data plane never loads SQLite. */
async function startRole(
  settings: RoleSettings,
  logger: Logger,
  workerLog: NonNullable<NodeOptions['workerLog']>,
): Promise<RunningNode> {
  if (settings.role === 'control_plane') {
    const { startControlPlane } = await import('../main.ts');
    return startControlPlane({ ...controlPlaneOptions(settings), logger });
  }
  if (settings.role === 'data_plane') {
    const { startDataPlane } = await import('../../data-plane/main.ts');
    return startDataPlane({ ...dataPlaneOptions(settings), workerLog, logger });
  }
  if (settings.role === 'traditional') {
    const { startTraditional } = await import('./roles/traditional.ts');
    const { controlPlane, node } = traditionalOptions(settings);
    return startTraditional({ controlPlane: { ...controlPlane, logger }, node: { ...node, workerLog, logger } });
  }
  const { startDbless } = await import('./roles/dbless.ts');
  const { node, ...dbless } = dblessOptions(settings);
  return startDbless({ ...dbless, node: { ...node, workerLog, logger } });
}

/** All settings with their roles and defaults, for `sluice start --help`. */
export function startHelp(): string {
  const lines = Object.entries(settingsTable).flatMap(([name, row]) => {
    const requiredBy = 'required' in row && row.required !== undefined ? row.required : [];
    const fallback = requiredBy.length === row.roles.length ? 'required' : (row.default ?? 'none');
    return [
      `  ${flagOf(name).padEnd(26)}${row.description}`,
      `${' '.repeat(28)}default: ${fallback}; ${variableOf(name)}; roles: ${row.roles.length === 4 ? 'all' : row.roles.join(', ')}`,
    ];
  });
  return `\nSettings (a flag wins over its variable; sizes: 64kb, 1mb; durations: 250ms, 30s, 5m, 1h, 14d; a listener is off by "off"):\n${lines.join('\n')}`;
}
