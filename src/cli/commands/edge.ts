import type { Command } from 'commander'
import { askEdge, controlPath, type EdgeStatus, type FleetConfig, forwarderOptions } from '../../fleet/index.js'
import { Forwarder } from '../../forwarder/index.js'
import { configPath, readConfigFile } from '../config-file.js'
import { action, type CommonOptions, withConfig } from '../context.js'
import { EXIT } from '../exit-codes.js'
import type { Output } from '../output.js'
import { renderStatus } from '../render/status.js'
import { edgeTop } from './edge-top.js'
import { edgeUp } from './edge-up.js'

interface AskOptions extends CommonOptions {
  interface?: string
}

/** The running edge that is meant: on an interface that was named, or on that of the config. */
async function socketOf(options: AskOptions, output: Output): Promise<string> {
  if (options.interface !== undefined) return controlPath(options.interface)
  const config = await readConfigFile(configPath(options.config), output, false)
  return controlPath(forwarderOptions(config).interface)
}

const asking = (command: Command) =>
  withConfig(command).option('-i, --interface <name>', 'of the edge, if no config is at hand')

export function edgeCommand(program: Command): void {
  const edge = program.command('edge').description('packets for VIPs go to backends')

  withConfig(edge.command('up'))
    .description('runs an edge in the foreground')
    .option('--down', 'take the data plane away at the end, though it is pinned')
    .addHelpText(
      'after',
      `
It follows the config, the sources of members that it names, and health checks; SIGHUP lets it read the config again. At the end
(SIGINT, SIGTERM) a data plane with a pin_path goes on forwarding, and the next \`edge up\` takes it over.

Examples:
  $ sudo udp-dsr edge up                    # ./udp-dsr.toml or /etc/udp-dsr/udp-dsr.toml
  $ sudo udp-dsr edge up -c edge.toml --json | jq .
  $ sudo systemctl enable --now udp-dsr-edge`,
    )
    .action(
      action(async (output, options: CommonOptions & { down?: boolean }) => {
        await edgeUp(configPath(options.config), output, options.down === true)
      }),
    )

  asking(edge.command('apply'))
    .description('lets the running edge read its config again')
    .argument('[file]', 'another config')
    .action(
      action(async (output, file: string | undefined, options: AskOptions) => {
        const path = file ?? (options.interface === undefined ? configPath(options.config) : undefined)
        // Here first, so that what is wrong is told where somebody looks.
        if (path !== undefined) await readConfigFile(configPath(path), output, false)
        const socket = await socketOf({ ...options, ...(file !== undefined && { config: file }) }, output)
        const status = await askEdge<EdgeStatus>(socket, 'apply', { path: path && configPath(path) })
        output.tell(
          status,
          () => `${status.edge} follows it, ${status.services.length} services, in ${status.applied.milliseconds} ms`,
        )
      }),
    )

  asking(edge.command('status'))
    .description('what the running edge does, and what is wrong with it')
    .addHelpText('after', `\nIt ends with ${EXIT.found} where there is an alarm.`)
    .action(
      action(async (output, options: AskOptions) => {
        const status = await askEdge<EdgeStatus>(await socketOf(options, output), 'status')
        output.tell(status, () => renderStatus(status, output))
        if (status.alarms.length > 0) process.exitCode = EXIT.found
      }),
    )

  asking(edge.command('top'))
    .description('the same, again and again, with packets a second')
    .option('-n, --interval <seconds>', 'between two looks', '1')
    .option('--once', 'one look, after one interval')
    .action(
      action(async (output, options: AskOptions & { interval: string; once?: boolean }) => {
        await edgeTop(await socketOf(options, output), output, Number(options.interval), options.once === true)
      }),
    )

  asking(edge.command('accept'))
    .description('lets members go whose removal is held back')
    .argument('[pool]', 'of one pool, else of all')
    .action(
      action(async (output, pool: string | undefined, options: AskOptions) => {
        const { held } = await askEdge<Pick<EdgeStatus, 'held'>>(await socketOf(options, output), 'accept', { pool })
        output.tell(held, () =>
          held.length === 0
            ? 'Nothing is held back.'
            : held.map(({ pool, removed }) => `${pool}: ${removed.length} members are gone`).join('\n'),
        )
      }),
    )

  asking(edge.command('down'))
    .description('ends the running edge, and takes the data plane away')
    .action(
      action(async (output, options: AskOptions) => {
        const socket = await socketOf(options, output)
        try {
          await askEdge(socket, 'down')
          output.tell({ down: true }, () => 'It is down: packets for the VIPs go to this host now.')
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_CONTROL_AWAY') throw error
          await detachPinned(await readConfigFile(configPath(options.config), output, false), output)
        }
      }),
    )
}

/** What goes on without a process. */
async function detachPinned(config: FleetConfig, output: Output): Promise<void> {
  const options = forwarderOptions(config)
  if (options.pinPath === undefined) {
    output.tell({ down: false }, () => 'No edge runs here, and none is pinned.')
    return
  }
  const forwarder = await Forwarder.attach(options)
  const { adopted } = forwarder
  await forwarder.detach()
  output.tell({ down: adopted }, () =>
    adopted ? 'The pinned data plane is taken away: packets for the VIPs go to this host now.' : 'Nothing was pinned.',
  )
}
