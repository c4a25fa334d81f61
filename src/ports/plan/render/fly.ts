import { comment, type RenderInput, refuseEmpty } from './window.js'

/**
 * fly.toml, for an app of the node's own: a service with all its windows. Fly rewrites no ports, so `internal_port` has to
 * be the external one, and it does not look at ports when it routes UDP (https://fly.io/docs/networking/udp-and-tcp/; keys:
 * superfly/fly-go, machine_types.go, MachinePort).
 */
export function fly(input: RenderInput): string {
  refuseEmpty(input)
  const { named, windows } = input
  const [[first] = [0]] = windows
  const ports = windows.map(([low, high]) => {
    if (low === high) return `\n  [[services.ports]]\n    port = ${low}\n`
    return `\n  [[services.ports]]\n    start_port = ${low}\n    end_port = ${high}\n`
  })
  const notes = [
    `${named.kind === 'region' ? 'Region' : 'Node'} ${named.name}. Fly sends UDP to the nearest machine of an app, whatever`,
    'the port: the app has to be of this one alone, with an IPv4 address of its own, bound to fly-global-services.',
  ]
  const region = named.kind === 'region' ? `primary_region = ${JSON.stringify(named.name)}\n\n` : ''
  return `${comment('#', notes)}${region}[[services]]\n  protocol = "udp"\n  internal_port = ${first}\n${ports.join('')}`
}
