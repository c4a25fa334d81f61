import type { Command } from 'commander'
import { fail } from './fail.js'
import { Output } from './output.js'

/** Options that every command has. */
export interface CommonOptions {
  json?: boolean
  config?: string
}

/** Lets what a command throws be told as all failures are. */
export function action<Args extends unknown[]>(
  run: (output: Output, ...args: Args) => Promise<void> | void,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    // commander adds the options and the command itself.
    const command = args.at(-1) as Command
    const output = new Output({ json: command.optsWithGlobals<CommonOptions>().json === true })
    try {
      await run(output, ...args)
    } catch (error) {
      fail(error, output)
    }
  }
}

export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'config of this host (default: $UDP_DSR_CONFIG, ./udp-dsr.toml, /etc/udp-dsr/udp-dsr.toml)',
  )
}
