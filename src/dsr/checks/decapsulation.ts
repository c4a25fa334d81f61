import { error, unknown } from '../finding.js'
import { tunnelDevices } from '../host/tunnels.js'
import { xdpProgramOf } from '../host/xdp.js'
import type { Check } from './check.js'
import { isUndoneByXdp } from './packets.js'

/** Somebody must take packets out of the edge's tunnels: `Backend`, or a tunnel device of the kernel. */
export const decapsulation: Check = {
  id: 'decapsulation',
  title: "the edge's tunnels are undone",
  applies: ({ role, delivery, interface: on }) =>
    role === 'backend' && (delivery === 'ipip' || delivery === 'gue') && on !== undefined,
  look: (situation) => {
    const { interface: on, delivery, edges } = situation
    if (isUndoneByXdp(situation) || tunnelDevices().length > 0) return []
    if (!on!.ethernet) {
      const detail = `${on!.name} is no Ethernet: \`Backend\` takes packets there by traffic control, which is not looked at.`
      return [
        unknown(
          'Could not see whether the tunnels are undone',
          detail,
          `tc filter show dev ${on!.name} ingress; bpftool net show dev ${on!.name} # is backend_ingress there?`,
        ),
      ]
    }
    const program = xdpProgramOf(on!.ifindex)
    if (program !== undefined && program.name === undefined) {
      const detail = `${on!.name} has the XDP program with id ${program.id}; this process may not see whose it is.`
      return [unknown('Could not see whether the tunnels are undone', detail, '# run the check again as root')]
    }
    const from = edges.length === 0 ? "'ADDRESS OF THE EDGE'" : edges.map(({ text }) => `'${text}'`).join(', ')
    return [
      error(
        `Nobody takes packets out of the ${delivery} tunnels`,
        `${on!.name} has ${program ? `the XDP program ${program.name}` : 'no XDP program'}, and no tunnel device is up.`,
        `# in a process of yours: await Backend.attach({ interface: '${on!.name}', edges: [${from}] })`,
      ),
    ]
  },
}
