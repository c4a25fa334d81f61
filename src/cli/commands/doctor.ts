import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { checkHost, type HostOptions, type ProbeResult, probe, type Report, renderReport } from '../../dsr/index.js'
import { type FleetConfig, forwarderOptions, rewriteOptions } from '../../fleet/index.js'
import { configPath, readConfigFile } from '../config-file.js'
import { action, type CommonOptions, withConfig } from '../context.js'
import { parseEnd } from '../end.js'
import { EXIT } from '../exit-codes.js'
import { parseHex } from '../hex.js'
import type { Output } from '../output.js'

interface DoctorOptions extends CommonOptions {
  role?: 'edge' | 'backend'
  vip: string[]
  port: number[]
  interface?: string
  delivery?: HostOptions['delivery']
  edge: string[]
  backend: string[]
  verbose?: boolean
  probe?: string
  payload?: string
}

const several = (value: string, before: string[]) => [...before, value]

function port(text: string, before: number[]): number[] {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('must be a port, 1 to 65535')
  return [...before, number]
}

export function doctorCommand(program: Command): void {
  withConfig(program.command('doctor'))
    .description('what on this host breaks direct server return, and how it is mended')
    .addOption(new Option('--role <role>', 'what this host is, if no config says').choices(['edge', 'backend']))
    .option('--vip <address>', 'address that clients ask; may be given again', several, [])
    .option('--port <port>', 'UDP port of the service; may be given again', port, [])
    .option('-i, --interface <name>', 'where packets for VIPs come in')
    .addOption(new Option('--delivery <name>', 'how packets get to backends').choices(['l2', 'ipip', 'gue', 'proxy']))
    .option('--edge <address>', 'on a backend: an edge; may be given again', several, [])
    .option('--backend <address>', 'on an edge: a backend; may be given again', several, [])
    .option('-v, --verbose', 'also what is right')
    .option('--probe <vip:port>', 'on a client: asks that VIP, and looks at where the answer comes from')
    .option('--payload <hex>', 'what --probe sends, for servers that do not answer just anything')
    .addHelpText(
      'after',
      `
Without root, or without tools like ip, nft and tc, it says what it could not look at. It ends with ${EXIT.found} where something is wrong.

Examples:
  $ sudo udp-dsr doctor                                          # by the config of this host
  $ sudo udp-dsr doctor --role backend --vip 198.51.100.2 --port 53
  $ udp-dsr doctor --probe 198.51.100.2:53 --payload 0001010000010000000000000000010001`,
    )
    .action(
      action(async (output, options: DoctorOptions) => {
        if (options.probe !== undefined) return ask(output, options.probe, options.payload)
        const reports = new Map<string, Report>()
        for (const [name, situation] of await situations(output, options)) reports.set(name, await checkHost(situation))
        const all = [...reports]
        output.tell(Object.fromEntries(all), () => {
          const texts = all.map(([name, report]) => {
            const text = renderReport(report, { color: output.colors, verbose: options.verbose === true })
            return all.length > 1 ? `${output.style('bold', name)}\n${text}` : text
          })
          return texts.join('\n').trimEnd()
        })
        if (all.some(([, { counts }]) => counts.error + counts.warning > 0)) process.exitCode = EXIT.found
      }),
    )
}

async function ask(output: Output, end: string, payload: string | undefined): Promise<void> {
  const { address: vip, port } = parseEnd('--probe', end)
  const result = await probe({ vip, port, ...(payload !== undefined && { payload: parseHex('--payload', payload) }) })
  output.tell(result, () => probeText(result, output))
  if (!result.ok) process.exitCode = EXIT.found
}

function probeText({ ok, summary, fix }: ProbeResult, output: Output): string {
  const sign = ok ? output.style('green', '✓') : output.style('red', '✗')
  return `${sign} ${summary}${fix ? `\n    ${fix.split('\n').join('\n    ')}` : ''}`
}

/** What there is to check: by the options, else by each section of the config. */
async function situations(output: Output, options: DoctorOptions): Promise<[string, HostOptions][]> {
  const { role, vip, port, interface: name, delivery, edge, backend } = options
  const named = {
    ...(vip.length > 0 && { vips: vip }),
    ...(port.length > 0 && { ports: port }),
    ...(name !== undefined && { interface: name }),
    ...(delivery !== undefined && { delivery }),
    ...(edge.length > 0 && { edges: edge }),
    ...(backend.length > 0 && { backends: backend }),
  }
  const config = await configIfThere(output, options)
  const found = config === undefined ? [] : [...situationsOf(config)]
  const wanted = found.filter(([, one]) => role === undefined || one.role === role)
  if (wanted.length > 0) return wanted.map(([its, one]) => [its, { ...one, ...named }])
  const one = role ?? 'backend'
  return [[one, { role: one, vips: [], ...named }]]
}

/** One that was named must be there. */
async function configIfThere(output: Output, { config, vip, role }: DoctorOptions): Promise<FleetConfig | undefined> {
  const path = configPath(config)
  try {
    return await readConfigFile(path, output, false)
  } catch (error) {
    const missing = (error as { problems?: { kind: string }[] }).problems?.[0]?.kind === 'file'
    if (!missing || config !== undefined || process.env.UDP_DSR_CONFIG !== undefined) throw error
    if (vip.length === 0 && role === undefined) {
      output.warn(`No config at ${path}, and no --vip: this is what can be said of any backend.`)
    }
    return undefined
  }
}

/** What a config makes of this host, each by its name: an edge by each delivery that its pools have. */
function situationsOf(config: FleetConfig): Map<string, HostOptions> {
  const { services, pools, edge, backend, rewrite } = config
  const ports = services
    .flatMap((service) => service.ports)
    .map((one) => (typeof one === 'number' ? one : Number(one.split('-')[0])))
  const deliveries = [...new Set(Object.values(pools).map(({ delivery }) => delivery))]
  const common = { vips: [...new Set(services.flatMap((service) => service.vips))], ports: [...new Set(ports)] }
  const made = new Map<string, HostOptions>()
  if (edge !== undefined) {
    const { interface: name, pinPath } = forwarderOptions(config)
    for (const delivery of deliveries.length > 0 ? deliveries : (['l2'] as const)) {
      const its = Object.values(pools).filter((pool) => pool.delivery === delivery)
      made.set(deliveries.length > 1 ? `edge, ${delivery}` : 'edge', {
        role: 'edge',
        ...common,
        interface: name,
        backends: [...new Set(its.flatMap(({ backends }) => backends.map(({ address }) => address)))],
        delivery,
        ...(pinPath && { pinPath }),
      })
    }
  }
  if (backend !== undefined) {
    const { interface: name, edges, pin_path: pinPath } = backend
    made.set('backend', {
      role: 'backend',
      ...common,
      interface: name,
      edges,
      delivery: deliveries.find((delivery) => delivery !== 'l2') ?? 'l2',
      ...(pinPath && { pinPath }),
    })
  } else if (rewrite !== undefined) {
    const { interface: name, vips } = rewriteOptions(config)
    made.set('backend', { role: 'backend', ...common, vips, interface: name })
  }
  return made
}
