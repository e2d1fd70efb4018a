import type { Command } from 'commander';

/** A command with what may follow it. */
interface Completed {
  /** Names of the commands on the way: `nodes wait`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Writes the completion script of a shell from the commands that the program has. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = completedOf(program, '');
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return zshScript(commands);
    case 'fish':
      return fishScript(commands);
    default:
      throw new Error('unknown shell');
  }
}

function completedOf(command: Command, path: string): Completed[] {
  const children = command.commands.map((child) => ({ word: child.name(), about: child.description() }));
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description }));
  const choices = command.registeredArguments.flatMap(({ argChoices }) =>
    (argChoices ?? []).map((word) => ({ word, about: '' })),
  );
  const words = [...children, ...choices, ...options, { word: '--help', about: 'show help' }];
  return [
    { path, words },
    ...command.commands.flatMap((child) => completedOf(child, `${path} ${child.name()}`.trim())),
  ];
}

/** Texts go between single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Finds the command on the line: the longest known path of words that are no options. Bash and zsh share it. */
function pathFinder(commands: readonly Completed[], words: string): string {
  const known = commands.map(({ path }) => path).filter((path) => path !== '');
  return [
    "  local path='' word",
    `  for word in ${words}; do`,
    '    case "$word" in -*) continue ;; esac',
    '    case "${path:+$path }$word" in',
    `      ${known.map(quoted).join('|')}) path="\${path:+$path }$word" ;;`,
    '    esac',
    '  done',
  ].join('\n');
}

function bashScript(commands: readonly Completed[]): string {
  const cases = commands.map(
    ({ path, words }) => `    ${quoted(path)}) words=${quoted(words.map(({ word }) => word).join(' '))} ;;`,
  );
  return `# bash completion of sluice: source <(sluice completion bash)
_sluice() {
${pathFinder(commands, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  local words=''
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sluice sluice
`;
}

function zshScript(commands: readonly Completed[]): string {
  const cases = commands.map(({ path, words }) => {
    const items = words.map(({ word, about }) => quoted(`${word}:${about.replaceAll(':', String.raw`\:`)}`));
    return `    ${quoted(path)}) items=(${items.join(' ')}) ;;`;
  });
  return `#compdef sluice
# zsh completion of sluice: source <(sluice completion zsh), after compinit
_sluice() {
${pathFinder(commands, '"${(@)words[2,CURRENT-1]}"')}
  local -a items
  case "$path" in
${cases.join('\n')}
  esac
  _describe 'sluice' items
  _files
}
compdef _sluice sluice
`.replaceAll('path', 'sluice_path');
}

function fishScript(commands: readonly Completed[]): string {
  const known = commands.map(({ path }) => path).filter((path) => path !== '');
  const lines = commands.flatMap(({ path, words }) =>
    words.map(({ word, about }) => {
      const condition = `-n ${quoted(`test (__sluice_path) = ${quoted(path)}`.replaceAll("'", '"'))}`;
      const what = word.startsWith('--')
        ? `-l ${word.slice(2)}`
        : word.startsWith('-')
          ? `-s ${word.slice(1)}`
          : `-a ${word}`;
      return `complete -c sluice ${condition} ${what}${about === '' ? '' : ` -d ${quoted(about)}`}`;
    }),
  );
  return `# fish completion of sluice: sluice completion fish | source
function __sluice_path
  set -l found ""
  for word in (commandline -opc)[2..-1]
    string match -q -- "-*" $word; and continue
    set -l longer (string trim "$found $word")
    contains -- $longer ${known.map(quoted).join(' ')}; and set found $longer
  end
  echo "$found"
end
${lines.join('\n')}
`;
}
