import type { BackendStatus, EdgeStatus } from '../../fleet/index.js'
import type { Output } from '../output.js'
import { count, table } from '../table.js'

/** Packets a second, by the names of services and backends; undefined where there is nothing to compare with. */
export type Rates = (kind: 'service' | 'backend', name: string, packets: number) => string

/** An edge as a person reads it. */
export function renderStatus(status: EdgeStatus, output: Output, rates?: Rates): string {
  const { edge, interface: name, mode, adopted, pid, digest, applied, services, pools, reasons, alarms, edges } = status
  const bold = (text: string) => output.style('bold', text)
  const title = `${bold(edge)}  ${name}, ${mode} XDP${adopted ? ', taken over' : ''}, process ${pid}`
  const followed = `${applied.count} changes followed, the last in ${applied.milliseconds} ms${digest ? `, members ${digest.slice(0, 8)}` : ''}`
  const rate = rates ? ['packets/s'] : []
  const serviceRows = services.map(({ name, vips, ports, pool, packets, bytes }) => [
    name,
    `${vips.join(', ')} : ${ports.join(', ')}`,
    pool,
    count(packets),
    count(bytes),
    ...(rates ? [rates('service', name, packets)] : []),
  ])
  const poolTexts = pools.map(({ name, delivery, slots, digest, backends }) => {
    const up = backends.filter(({ state }) => state === 'up').length
    const rows = backends.map((backend) => [
      `  ${backend.id}`,
      backend.address,
      stateText(backend, output),
      String(backend.weight),
      count(backend.packets),
      ...(rates ? [rates('backend', `${backend.id} ${backend.address}`, backend.packets)] : []),
    ])
    const head = `${bold(name)}  ${delivery}, ${up} of ${backends.length} up, ${slots} slots, table ${digest.slice(0, 8)}`
    if (rows.length === 0) return `${head}\n  nobody`
    return `${head}\n${table([['  backend', 'address', 'state', 'weight', 'packets', ...rate], ...rows], [3, 4, 5])}`
  })
  const parts = [
    `${title}\n${followed}`,
    ...alarms.map(({ kind, message, since }) => `${output.style('red', kind)}: ${message} (since ${since})`),
    table([['service', 'VIPs : ports', 'pool', 'packets', 'bytes', ...rate], ...serviceRows], [3, 4, 5]),
    ...poolTexts,
  ]
  const other = Object.entries(reasons)
  if (other.length > 0)
    parts.push(
      table(
        [['not simply forwarded', 'packets'], ...other.map(([reason, { packets }]) => [`  ${reason}`, count(packets)])],
        [1],
      ),
    )
  if (edges.length > 0) {
    parts.push(
      table([
        ['edges', 'members', ''],
        ...edges.map(({ name, digest, same }) => [
          `  ${name}`,
          digest.slice(0, 8),
          same ? 'the same' : output.style('red', 'differ'),
        ]),
      ]),
    )
  }
  return parts.join('\n\n')
}

function stateText({ state, health }: BackendStatus, output: Output): string {
  const color = { up: 'green', draining: 'yellow', down: 'red' } as const
  const because = health && health.state === 'down' ? ` (${health.reason}${state === 'up' ? ', kept' : ''})` : ''
  return output.style(color[state], state) + because
}
