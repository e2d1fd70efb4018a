import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { Argument, Command } from 'commander';
import { completionScript, shells } from '../../../control-plane/cli/completion.ts';

function program(): Command {
  const all = new Command('sluice').description('all').version('1', '-V, --version');
  const nodes = all.command('nodes').description("the fleet's nodes: a table").option('--watch', 'go on');
  nodes.command('wait').description('wait').option('--applied', 'for what');
  all.command('completion').addArgument(new Argument('<shell>').choices(shells));
  return all;
}

const has = (shell: string) => spawnSync(shell, ['--version']).status === 0;

describe('completion', () => {
  /** Completes the last word in a real bash. */
  function inBash(...words: readonly string[]): string[] {
    const script = `${completionScript(program(), 'bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_sluice
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
    expect(stderr).to.equal('');
    expect(status).to.equal(0);
    return stdout.split('\n').filter((word) => word !== '');
  }

  const rows: readonly (readonly [words: readonly string[], completed: readonly string[]])[] = [
    [['sluice', 'no'], ['nodes']],
    [
      ['sluice', ''],
      ['nodes', 'completion', '--version', '--help'],
    ],
    [
      ['sluice', 'nodes', '--'],
      ['--watch', '--help'],
    ],
    [['sluice', 'nodes', '--watch', 'w'], ['wait']],
    [['sluice', 'nodes', 'wait', '--a'], ['--applied']],
    [['sluice', 'completion', 'f'], ['fish']],
    [['sluice', 'unknown', 'n'], ['nodes']],
  ];
  for (const [words, completed] of rows) {
    it(`of bash completes '${words.join(' ')}'`, () => expect(inBash(...words)).to.have.members(completed));
  }

  it('of zsh and fish names every command and option, and parses where the shell is there', () => {
    for (const shell of ['zsh', 'fish'] as const) {
      const script = completionScript(program(), shell);
      for (const word of ['nodes', 'wait', 'applied', 'watch']) expect(script).to.include(word);
      if (!has(shell)) continue;
      const { status, stderr } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' });
      expect(stderr, shell).to.equal('');
      expect(status, shell).to.equal(0);
    }
  });
});
