import type { Command } from 'commander'
import { configPath, readConfigFile } from '../config-file.js'
import { action, type CommonOptions, withConfig } from '../context.js'

export function configCommand(program: Command): void {
  const config = program.command('config').description('the config of a fleet')
  withConfig(config.command('check'))
    .argument('[file]', 'the config, else as with --config')
    .option('--no-secrets', 'do not look for secrets, keys and certificates')
    .description('tells every problem of a config, with its line')
    .addHelpText(
      'after',
      '\nExamples:\n  $ udp-dsr config check udp-dsr.toml\n  $ udp-dsr config check --no-secrets fleet/*.toml',
    )
    .action(
      action(async (output, file: string | undefined, options: CommonOptions & { secrets: boolean }) => {
        const path = configPath(file ?? options.config)
        const { pools, services, discovery, warnings, edge, backend, rewrite } = await readConfigFile(
          path,
          output,
          options.secrets,
        )
        const parts = Object.entries({ edge, backend, rewrite }).flatMap(([name, part]) => (part ? name : []))
        const facts = {
          file: path,
          services: services.length,
          pools: Object.keys(pools).length,
          discovery: Object.keys(discovery).length,
          parts,
          warnings: warnings.map(({ message }) => message),
        }
        output.tell(facts, () => {
          const host = parts.length > 0 ? `; for a host that is ${parts.join(' and ')}` : ''
          return `${path} is right: ${facts.services} services, ${facts.pools} pools, ${facts.discovery} sources of members${host}`
        })
      }),
    )
}
