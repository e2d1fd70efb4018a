import { Option, type Command } from 'commander';
import { addAdminFlags, type AdminFlags } from '../admin-flags.ts';
import { durationMs } from '../duration-option.ts';
import { adoptCommand, forgetCommand, nodesCommand, waitCommand, type NodesOptions } from './nodes-commands.ts';

/** Adds `sluice nodes` and its commands to the program. */
export function addNodesCommands(program: Command, finish: (code: number) => void): void {
  const nodes = addAdminFlags(
    program
      .command('nodes')
      .description('table of data planes with their sync state, and what to do with them')
      .enablePositionalOptions()
      .addOption(new Option('-o, --output <form>', 'form').choices(['table', 'wide', 'json']).default('table'))
      .option('--watch', 'write the table anew every 2 s until Ctrl-C', false)
      .option('--check', 'exit 1 for nodes that are rejected, stale, incompatible or do not reach a destination', false)
      .option('--offline', 'with --check: offline nodes fail too', false),
  ).action(async (options: NodesOptions, command: Command) => {
    if (options.offline && !options.check) command.error("error: option '--offline' needs --check");
    if (options.watch && options.check) command.error("error: option '--watch' excludes --check");
    finish(await nodesCommand(options));
  });
  addAdminFlags(
    nodes
      .command('wait')
      .description('wait until all connected nodes run the newest configuration and reach what it names')
      .requiredOption('--applied', 'what to wait for')
      .option('--timeout <duration>', 'bound of the wait, such as 30s; exit 1 when it passes', durationMs, 60_000),
  ).action(async (options: AdminFlags & { timeout: number }) => finish(await waitCommand(options)));
  addAdminFlags(
    nodes.command('forget').description('remove the row of a node that is offline').argument('<id>', 'id of the node'),
  ).action(async (id: string, flags: AdminFlags) => finish(await forgetCommand(id, flags)));
  addAdminFlags(
    nodes
      .command('adopt')
      .description('offer the configuration to nodes that follow another database')
      .argument('[ids...]', 'ids of the nodes')
      .option('--all', 'all of them', false),
  ).action(async (ids: string[], flags: AdminFlags & { all: boolean }, command: Command) => {
    if (flags.all === ids.length > 0) command.error('error: expected ids of nodes, or --all');
    finish(await adoptCommand(flags.all ? 'all' : ids, flags));
  });
}
