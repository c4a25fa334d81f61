import type { Command } from 'commander'
import { askEdge, controlPath, forwarderConfig } from '../../fleet/index.js'
import { type EdgeExplanation, explainConfig, type KernelAnswer } from '../../forwarder/index.js'
import type { Flow } from '../../pinning/index.js'
import { configPath, readConfigFile } from '../config-file.js'
import { action, type CommonOptions, withConfig } from '../context.js'
import { parseEnd } from '../end.js'
import { parseHex } from '../hex.js'
import type { Output } from '../output.js'

interface Answer {
  edge: EdgeExplanation
  /** Undefined where no edge runs. */
  kernel?: KernelAnswer
}

export function explainCommand(program: Command): void {
  withConfig(program.command('explain'))
    .description('where a flow goes, and why')
    .argument('<client>', 'address and port: 203.0.113.2:40695, [2001:db8::2]:40695')
    .argument('<vip>', 'the same of the VIP')
    .option('--datagram <hex>', 'what it carries, for services with quic')
    .option('-i, --interface <name>', 'of the running edge, if no config is at hand')
    .addHelpText(
      'after',
      `
The running edge is asked, and the tables of the kernel are read. Where none runs, the answer follows from the config alone.

Examples:
  $ udp-dsr explain 203.0.113.2:40695 198.51.100.2:53
  $ udp-dsr explain --json '[2001:db8:113::2]:5000' '[2001:db8:51::2]:443'`,
    )
    .action(
      action(
        async (
          output,
          client: string,
          vip: string,
          options: CommonOptions & { datagram?: string; interface?: string },
        ) => {
          const flow: Flow = { client: parseEnd('<client>', client), local: parseEnd('<vip>', vip) }
          const answer = await ask(flow, options, output)
          output.tell(answer, () => render(answer, output))
        },
      ),
    )
}

async function ask(
  flow: Flow,
  { config: named, datagram, interface: on }: CommonOptions & { datagram?: string; interface?: string },
  output: Output,
): Promise<Answer> {
  const bytes = datagram === undefined ? undefined : parseHex('--datagram', datagram)
  const body = { flow, datagram }
  if (on !== undefined) return askEdge(controlPath(on), 'explain', body)
  const path = configPath(named)
  const { edge } = await readConfigFile(path, output, false)
  if (edge !== undefined) {
    try {
      return await askEdge(controlPath(edge.interface), 'explain', body)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_CONTROL_AWAY') throw error
      output.warn('No edge runs here: this follows from the config alone, without what discovery and health would say.')
    }
  }
  const config = await readConfigFile(path, output)
  return {
    edge: explainConfig(forwarderConfig(config), flow, bytes),
  }
}

function render({ edge, kernel }: Answer, output: Output): string {
  const { why, backend, table, slot } = edge
  const lines = [
    backend === undefined
      ? output.style('red', 'no backend')
      : `${output.style('bold', backend.id)}  ${backend.address}, ${backend.delivery}`,
    `  because ${why}`,
  ]
  if (table !== undefined)
    lines.push(`  table ${table.kind} of ${table.size} slots (${table.digest.slice(0, 8)}), slot ${slot}`)
  if (kernel !== undefined) {
    const { backend: found } = kernel
    const same = found?.address === backend?.address || edge.remembered || edge.named || edge.learned
    const text =
      found === undefined
        ? 'nobody'
        : `${found.address}, ${found.delivery}, from ${found.source} (backend ${found.index})`
    lines.push(`  the kernel's tables: ${text}${same ? '' : output.style('red', '  NOT THE SAME')}`)
  }
  return lines.join('\n')
}
