import { CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN } from '../../internal/linux.js'
import { unknown, warning } from '../finding.js'
import { readText } from '../host/files.js'
import type { Check } from './check.js'
import { usesXdp } from './data-plane.js'

const CAP_NET_ADMIN = 12
const NEEDED = { CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON }

/** Loading and attaching BPF programs takes three capabilities (capabilities(7), Linux 5.8); CAP_SYS_ADMIN stands for two. */
export const privileges: Check = {
  id: 'privileges',
  title: 'this process may load and attach BPF programs',
  applies: usesXdp,
  look: () => {
    const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '')
    if (line === null)
      return [unknown('Could not see the capabilities of this process', 'No CapEff in /proc/self/status.')]
    const effective = BigInt(`0x${line[1]}`)
    const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n
    const missing = Object.entries(NEEDED)
      .filter(([, bit]) => !has(bit) && !(bit !== CAP_NET_ADMIN && has(CAP_SYS_ADMIN)))
      .map(([name]) => name)
    if (missing.length === 0) return []
    return [
      warning(
        `This process may not load or attach BPF programs: it lacks ${missing.join(', ')}`,
        `CapEff in /proc/self/status is ${line[1]}. Whoever runs the data plane needs them.`,
        `# root, or in the unit of systemd: AmbientCapabilities=${Object.keys(NEEDED).join(' ')}; in a container: --cap-add`,
      ),
    ]
  },
}
