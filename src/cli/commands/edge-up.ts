import {
  type Applied,
  ControlServer,
  controlPath,
  FleetEdge,
  forwarderOptions,
  serveMetrics,
} from '../../fleet/index.js'
import type { Flow } from '../../pinning/index.js'
import { readConfigFile } from '../config-file.js'
import { fail } from '../fail.js'
import { parseHex } from '../hex.js'
import type { Output } from '../output.js'
import { untilStopped } from '../until-stopped.js'

/** Runs an edge until it is told to stop. */
export async function edgeUp(path: string, output: Output, takeAway: boolean): Promise<void> {
  let current = path
  const config = await readConfigFile(current, output)
  const asked = new AbortController()
  let detach = takeAway
  let edge: FleetEdge | undefined
  const running = () => {
    if (edge === undefined) throw new Error('The edge is just starting. Ask again')
    return edge
  }
  const reload = async (next: string) => {
    await running().reload(await readConfigFile(next, output))
    current = next
  }
  await using control = await ControlServer.listen(controlPath(forwarderOptions(config).interface), {
    status: () => running().status,
    apply: async ({ path: next }: { path?: string }) => {
      await reload(next ?? current)
      return running().status
    },
    explain: ({ flow, datagram }: { flow: Flow; datagram?: string }) => ({
      edge: running().explain(flow, datagram === undefined ? undefined : parseHex('datagram', datagram)),
      kernel: running().inspect(flow),
    }),
    accept: ({ pool }: { pool?: string }) => ({ held: running().accept(pool) }),
    down: async () => {
      detach = true
      try {
        await running().detach()
      } finally {
        asked.abort()
      }
      return {}
    },
  })
  // From here on a signal ends it as it should end.
  const stopped = untilStopped(asked.signal)
  edge = await FleetEdge.start(config).catch((error: unknown) => {
    asked.abort()
    throw error
  })
  const { name, mode, adopted } = edge
  const hangUp = () => {
    reload(current).catch((error: unknown) => fail(error, output))
  }
  let stopMetrics: (() => Promise<void>) | undefined
  try {
    output.tell({ event: 'up', edge: name, mode, adopted, control: control.path }, () => {
      return `${name} is up on ${forwarderOptions(config).interface}, ${mode} XDP${adopted ? ': it took over what was there' : ''}`
    })
    edge.on('applied', (applied) => output.tell({ event: 'applied', ...applied }, () => appliedText(applied)))
    edge.on('alarm', (alarm, raised) => {
      output.tell({ event: 'alarm', raised, ...alarm }, () =>
        raised
          ? `${output.style('red', alarm.kind)}: ${alarm.message}`
          : `${output.style('green', 'over')}: ${alarm.message}`,
      )
    })
    for (const { kind, message } of edge.status.alarms) output.say(`${output.style('red', kind)}: ${message}`)
    const { metrics } = config.edge!
    if (metrics !== undefined) stopMetrics = await serveMetrics(edge, metrics)
    process.on('SIGHUP', hangUp)
    await stopped
  } finally {
    // Whatever ended it: signals are waited for no longer.
    asked.abort()
    process.off('SIGHUP', hangUp)
    await stopMetrics?.()
    const pinned = config.edge!.pin_path !== undefined
    if (detach) await edge.detach()
    else await edge.close()
    output.tell({ event: 'down', forwarding: pinned && !detach }, () =>
      pinned && !detach
        ? `${name} has ended; the data plane goes on, pinned at ${config.edge!.pin_path}`
        : `${name} is down`,
    )
    // A failed reload is no failure of the whole.
    process.exitCode = 0
  }
}

function appliedText({ services, pools, milliseconds }: Applied): string {
  const { added, changed, removed } = services
  const parts = [
    ...(added.length > 0 ? [`${added.length} services added`] : []),
    ...(changed.length > 0 ? [`${changed.length} changed`] : []),
    ...(removed.length > 0 ? [`${removed.length} removed`] : []),
    ...Object.entries(pools).map(
      ([pool, { movedSlots, slots }]) => `${pool}: ${((100 * movedSlots) / slots).toFixed(1)} % of its slots moved`,
    ),
  ]
  return `followed in ${milliseconds.toFixed(1)} ms${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`
}
