import type { Command } from 'commander'
import { backendOptions, type FleetConfig, placeRefusal, rewriteOptions } from '../../fleet/index.js'
import { Backend, type BackendStats, SourceRewrite, type SourceRewriteStats } from '../../forwarder/index.js'
import { configPath, readConfigFile } from '../config-file.js'
import { action, type CommonOptions, withConfig } from '../context.js'
import type { Output } from '../output.js'
import { untilStopped } from '../until-stopped.js'

/** What runs on backends: attached, seen to, and taken away, or left pinned. */
interface Part {
  section: 'backend' | 'rewrite'
  description: string
  attach(config: FleetConfig): Promise<Backend | SourceRewrite>
  text(stats: BackendStats | SourceRewriteStats): string
}

const parts: readonly Part[] = [
  {
    section: 'backend',
    description: "takes packets out of the edges' tunnels",
    attach: (config) => Backend.attach(backendOptions(config)),
    text: (stats) => {
      const { edges, untrusted, malformed, returned } = stats as BackendStats
      const from = edges.map(({ address, packets }) => `${packets} from ${address}`).join(', ')
      return `${from}; ${untrusted.packets} of strangers and ${malformed.packets} malformed dropped; ${returned.packets} returned`
    },
  },
  {
    section: 'rewrite',
    description: 'replies of programs that know nothing of VIPs leave from the VIP',
    attach: (config) => SourceRewrite.attach(rewriteOptions(config)),
    text: (stats) => {
      const { rewritten, unknown } = stats as SourceRewriteStats
      return `${rewritten.packets} rewritten, ${unknown.packets} of no known request`
    },
  },
]

export function hostCommands(program: Command): void {
  for (const part of parts) {
    const group = program.command(part.section).description(part.description)
    withConfig(group.command('up'))
      .description(`runs [${part.section}] of the config in the foreground`)
      .option('--down', 'take it away at the end, though it is pinned')
      .option('--once', 'attach it, pinned, and end')
      .action(
        action(async (output, options: CommonOptions & { down?: boolean; once?: boolean }) => {
          await up(part, await readConfigFile(configPath(options.config), output, false), output, options)
        }),
      )
    withConfig(group.command('down'))
      .description('takes a pinned one away')
      .action(
        action(async (output, options: CommonOptions) => {
          const config = await readConfigFile(configPath(options.config), output, false)
          const attached = await attach(part, config)
          const { adopted } = attached
          await attached.detach()
          output.tell({ down: adopted }, () => (adopted ? 'It is taken away.' : 'Nothing was pinned.'))
        }),
      )
  }
}

async function attach(part: Part, config: FleetConfig): Promise<Backend | SourceRewrite> {
  try {
    return await part.attach(config)
  } catch (error) {
    throw placeRefusal(config, error, part.section)
  }
}

async function up(
  part: Part,
  config: FleetConfig,
  output: Output,
  options: { down?: boolean; once?: boolean },
): Promise<void> {
  const ending = new AbortController()
  const stopped = options.once ? undefined : untilStopped(ending.signal)
  const attached = await attach(part, config).catch((error: unknown) => {
    ending.abort()
    throw error
  })
  const how = 'mode' in attached ? attached.mode : attached.hook
  const pinned = config[part.section]?.pin_path
  const goesOn = pinned !== undefined && !options.down
  let stats: BackendStats | SourceRewriteStats
  try {
    output.tell({ event: 'up', interface: attached.interface, how, adopted: attached.adopted }, () => {
      return `${part.section} is up on ${attached.interface} (${how})${attached.adopted ? ': it took over what was there' : ''}`
    })
    await stopped
    if (options.once && pinned === undefined) output.warn('Without a pin_path it ends with this process.')
    stats = attached.stats()
  } finally {
    ending.abort()
    if (options.down) await attached.detach()
    else await attached.close()
  }
  output.tell(
    { event: 'down', goesOn, stats },
    () => `${part.text(stats)}${goesOn ? `; it goes on, pinned at ${pinned}` : ''}`,
  )
}
