#!/usr/bin/env node
// Imported for its effect, before all else.
// oxlint-disable-next-line import/no-unassigned-import
import './no-debugger.ts';
// oxlint-disable-next-line import/no-unassigned-import
import './node-version.ts';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { addAdminFlags, readToken } from './admin-flags.ts';
import { completionScript, type Shell, shells } from './completion.ts';
import { addConfigCommands } from './config/add-config-commands.ts';
import { closeDeadTerminal } from './dead-terminal.ts';
import { eventsCommand, type EventsFlags } from './events-command.ts';
import { addNodesCommands } from './nodes/add-nodes-commands.ts';
import { quickstartCommand } from './quickstart/quickstart.ts';
import { servicesCommand } from './services-command.ts';
import { sluiceVersion } from './sluice-version.ts';
import { startCommand, startHelp } from './start.ts';
import { tryCommand, type TryFlags } from './try-command.ts';

const exitUsage = 2;
const dataPlanesMax = 16;
const certificateDaysMax = 36_500;

function createProgram(finish: (code: number) => void): Command {
  const program = new Command('sluice')
    .description('HTTP and gRPC requests become acknowledged Kafka records.')
    .version(sluiceVersion(), '-V, --version')
    // What follows a command is its own: `nodes` and the commands below it have options of the same names.
    .enablePositionalOptions()
    .showHelpAfterError('(sluice --help shows what there is)')
    .addHelpText('after', '\nExit codes: 0 fine, 1 the work failed, 2 wrong usage or settings.')
    .hook('preAction', (_program, command) => readToken(command));
  program
    .command('start')
    .description('run a node in the foreground')
    .usage('--role <role> [--setting value …]')
    .argument('[settings...]')
    .allowUnknownOption()
    .addHelpText('after', startHelp())
    .action(async (args: string[]) => finish(await startCommand(args)));
  program
    .command('quickstart')
    .description('Kafka, schema registry, control plane, data planes and an example route, until Ctrl-C')
    .option('--data-planes <count>', 'number of data planes', wholeNumber(1, dataPlanesMax), 1)
    .option('--kafka <host:port>', 'a running Kafka (default: one is started)')
    .option('--registry <url>', 'a running schema registry, Confluent API (default: one is started)')
    .option('--data <dir>', 'folder of all data, logs and downloads', 'sluice-data')
    .action(async (options: QuickstartFlags) => finish(await quickstartCommand(options)));
  program
    .command('services')
    .description('the real Kafka and schema registry that quickstart and tests use')
    .addHelpText('after', '\nBy a Docker engine with docker-compose.yml, else by Java 17 or newer with Maven.')
    .argument('<action>', 'start, stop or status', oneOf(['start', 'stop', 'status']))
    .option('--data <dir>', 'folder of their data, logs and downloads', 'sluice-data/services')
    .action(async (action: 'start' | 'stop' | 'status', options: { data: string }) =>
      finish(await servicesCommand(action, options.data)),
    );
  program
    .command('cert')
    .description('a self-signed certificate and key that control plane and data planes share (mTLS)')
    .requiredOption('--out <dir>', 'folder of cluster.crt and cluster.key; what is there already is never overwritten')
    .option('--days <count>', 'how long it is good for', wholeNumber(1, certificateDaysMax), 1095)
    .action(async (options: { out: string; days: number }) => {
      // Only here: its libraries would cost every other start time and memory.
      const { certCommand } = await import('./cert.ts');
      finish(await certCommand(options));
    });
  addNodesCommands(program, finish);
  addConfigCommands(program, finish);
  addOperatorCommands(program, finish);
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride();
  }
  return program;
}

function addOperatorCommands(program: Command, finish: (code: number) => void): void {
  addAdminFlags(
    program
      .command('try')
      .description('what a node would do with a sample request: route, plugins, record or answer; nothing is sent')
      .argument('<file>', 'YAML or JSON such as {"path":"/orders","body":{"id":"1"}}; `-` is standard input')
      .option('--node <node>', 'id or hostname of the data plane (default: one that is in sync)')
      .addOption(new Option('-o, --output <form>', 'form').choices(['text', 'json']).default('text')),
  ).action(async (file: string, flags: TryFlags) => finish(await tryCommand(file, flags)));
  addAdminFlags(
    program
      .command('events')
      .description('a line for each change of a data plane, until Ctrl-C')
      .addOption(new Option('-o, --output <form>', 'form').choices(['text', 'json']).default('text')),
  ).action(async (flags: EventsFlags) => finish(await eventsCommand(flags)));
  program
    .command('completion')
    .description('the completion script of a shell: source <(sluice completion bash)')
    .addArgument(new Argument('<shell>', 'shell').choices(shells))
    .action((shell: Shell) => console.log(completionScript(program, shell).trimEnd()));
}

interface QuickstartFlags {
  readonly dataPlanes: number;
  readonly kafka?: string;
  readonly registry?: string;
  readonly data: string;
}

function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`);
    }
    return number;
  };
}

function oneOf(values: readonly string[]): (value: string) => string {
  return (value) => {
    if (!values.includes(value)) throw new InvalidArgumentError(`Expected one of: ${values.join(', ')}.`);
    return value;
  };
}

/** Resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  let code = 0;
  try {
    await createProgram((result) => {
      code = result;
    }).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Help and version that were asked for are no fault; help in place of a missing command is.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitUsage;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

// Everything has been closed in order by now; a handle that a library forgot must not keep the process.
const code = await main(process.argv.slice(2));
closeDeadTerminal();
process.exit(code);
