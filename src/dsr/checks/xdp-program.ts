import { error, unknown } from '../finding.js'
import { xdpProgramOf } from '../host/xdp.js'
import type { Check } from './check.js'
import { isOurs, usesXdp } from './data-plane.js'

/** An interface takes one XDP program. */
export const xdpProgram: Check = {
  id: 'xdp-program',
  title: 'no other XDP program has the interface',
  applies: (situation) => usesXdp(situation) && situation.interface !== undefined,
  look: ({ interface: on, role }) => {
    const program = xdpProgramOf(on!.ifindex)
    if (program === undefined || isOurs(role, program.name)) return []
    const seen = `${on!.name} has the XDP program ${program.name ?? ''} with id ${program.id}.`.replace('  ', ' ')
    if (program.name === undefined) {
      const detail = `${seen} This process may not see whose it is.`
      return [unknown('Could not see whose XDP program the interface has', detail, '# run the check again as root')]
    }
    const remove = `ip link set dev ${on!.name} xdp off  # if it is not needed; of a link that is pinned, remove the pin`
    return [error(`Another XDP program has ${on!.name}: ${program.name || 'one without a name'}`, seen, remove)]
  },
}
