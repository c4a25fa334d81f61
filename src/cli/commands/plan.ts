import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { PortPlan, type RenderTarget } from '../../ports/index.js'
import { action } from '../context.js'

const TARGETS: readonly RenderTarget[] = [
  'livekit',
  'mediasoup',
  'coturn',
  'werift',
  'node-datachannel',
  'pion',
  'agones',
  'fly',
  'nftables',
]

export function planCommand(program: Command): void {
  program
    .command('plan')
    .description('a plan of ports: who owns which')
    .argument('<file>', 'TOML with [[services.ports]], fly.toml for instance')
    .option('--node <name>', 'region or node whose ports are meant')
    .addOption(
      new Option('--render <target>', 'the same as configuration of a program, with --node').choices(
        TARGETS as string[],
      ),
    )
    .option('--port <port>', 'who owns a port', (text) => {
      const port = Number(text)
      if (!Number.isInteger(port) || port < 0 || port > 65_535)
        throw new InvalidArgumentError('must be a port, 0 to 65535')
      return port
    })
    .option('--svg', 'a picture, to the standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ udp-dsr plan fly.toml\n  $ udp-dsr plan fly.toml --node fra-1 --render livekit\n  $ udp-dsr plan fly.toml --port 10017',
    )
    .action(
      action(
        async (
          output,
          file: string,
          options: { node?: string; render?: RenderTarget; port?: number; svg?: boolean },
        ) => {
          const plan = PortPlan.parse(await readFile(file, 'utf8'))
          const { node, render, port, svg } = options
          if (svg) return void process.stdout.write(plan.toSVG())
          if (port !== undefined) {
            const owner = plan.owner(port)
            const text = owner && [...owner.regions, ...owner.nodes].join(', ')
            return output.tell(owner ?? null, () =>
              owner ? `${port}: ${text} (${owner.entry.where})` : `${port}: nobody`,
            )
          }
          if (render !== undefined) {
            if (node === undefined)
              throw Object.assign(new Error('--render needs --node'), { code: 'ERR_MISSING_ARGS' })
            const text = plan.render(render, node)
            return output.tell({ target: render, node, text }, () => text)
          }
          if (node !== undefined) {
            const windows = plan.windows(node)
            return output.tell(windows, () =>
              windows.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join('\n'),
            )
          }
          output.tell(plan.blocks(), () => plan.toText({ colors: output.colors }))
        },
      ),
    )
}
