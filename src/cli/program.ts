import { Command } from 'commander'
import { benchCommand } from './commands/bench.js'
import { completionCommand } from './commands/completion.js'
import { configCommand } from './commands/config.js'
import { doctorCommand } from './commands/doctor.js'
import { edgeCommand } from './commands/edge.js'
import { explainCommand } from './commands/explain.js'
import { hostCommands } from './commands/host.js'
import { planCommand } from './commands/plan.js'
import { EXIT } from './exit-codes.js'

const JSON_OPTION = ['--json', 'for programs: JSON, one value a line'] as const

/** All commands. @param version of the package */
export function makeProgram(version: string): Command {
  const program = new Command('udp-dsr')
  program
    .description('UDP servers behind load balancers: edges, backends, and what is wrong with them')
    .version(version)
    .option(...JSON_OPTION)
    .showHelpAfterError('(udp-dsr help COMMAND tells more)')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Examples:
  $ udp-dsr config check udp-dsr.toml
  $ sudo udp-dsr edge up -c udp-dsr.toml
  $ sudo udp-dsr edge top
  $ sudo udp-dsr doctor
  $ udp-dsr explain 203.0.113.2:40695 198.51.100.2:53

It ends with 0, or with ${EXIT.failed}: it failed; ${EXIT.usage}: it was called wrongly, or the config is wrong; ${EXIT.found}: there is an alarm or a finding.`,
    )
  edgeCommand(program)
  hostCommands(program)
  explainCommand(program)
  doctorCommand(program)
  configCommand(program)
  planCommand(program)
  benchCommand(program)
  completionCommand(program)
  for (const command of [program, ...commandsOf(program)]) {
    if (command !== program && command.commands.length === 0) command.option(...JSON_OPTION)
    // Help and version are no mistakes.
    command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT.usage))
  }
  return program
}

function commandsOf(command: Command): Command[] {
  return command.commands.flatMap((one) => [one, ...commandsOf(one)])
}
