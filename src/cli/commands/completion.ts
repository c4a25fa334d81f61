import { Argument, type Command } from 'commander'
import { action } from '../context.js'

const SHELLS = ['bash', 'zsh', 'fish'] as const

interface Word {
  /** Commands before it. */
  path: readonly string[]
  words: readonly string[]
}

/** What may follow each command: others, and options. */
function wordsOf(command: Command, path: readonly string[] = []): Word[] {
  const names = command.commands.map((one) => one.name()).filter((name) => name !== 'help')
  const options = command.options.flatMap(({ long, hidden }) => (long && !hidden ? long : []))
  const own = { path, words: [...names, ...options, '--help'] }
  return [own, ...command.commands.flatMap((one) => wordsOf(one, [...path, one.name()]))]
}

export function completionCommand(program: Command): void {
  program
    .command('completion')
    .description('lets a shell complete commands and options')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExamples:\n  $ source <(udp-dsr completion bash)\n  $ udp-dsr completion fish > ~/.config/fish/completions/udp-dsr.fish',
    )
    .action(
      action((_, shell: (typeof SHELLS)[number]) => {
        const words = wordsOf(program)
        process.stdout.write(shell === 'fish' ? fish(words) : bash(words, shell === 'zsh'))
      }),
    )
}

function bash(words: readonly Word[], zsh: boolean): string {
  const cases = words.map(
    ({ path, words: its }) => `    "${path.join(' ')}") COMPREPLY=($(compgen -W "${its.join(' ')}" -- "$word"));;`,
  )
  const lines = [
    ...(zsh ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_udp_dsr() {',
    `  local word="\${COMP_WORDS[COMP_CWORD]}" path="" i`,
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    [[ "\${COMP_WORDS[i]}" == -* ]] || path="\${path:+$path }\${COMP_WORDS[i]}"`,
    '  done',
    '  case "$path" in',
    ...cases,
    '    *) COMPREPLY=($(compgen -f -- "$word"));;',
    '  esac',
    '}',
    'complete -o default -F _udp_dsr udp-dsr',
  ]
  return `${lines.join('\n')}\n`
}

function fish(words: readonly Word[]): string {
  const lines = words.flatMap(({ path, words: its }) => {
    const condition =
      path.length === 0
        ? '__fish_use_subcommand'
        : path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ')
    return its.map((word) =>
      word.startsWith('--')
        ? `complete -c udp-dsr -n "${condition}" -l ${word.slice(2)}`
        : `complete -c udp-dsr -f -n "${condition}" -a ${word}`,
    )
  })
  return `${lines.join('\n')}\n`
}
