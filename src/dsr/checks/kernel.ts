import { release } from 'node:os'
import { olderThan } from '../../bpf/kernel.js'
import { capabilities } from '../../socket/index.js'
import { error, type Outcome, warning } from '../finding.js'
import type { Situation } from '../options.js'
import type { Check } from './check.js'
import { usesXdp } from './data-plane.js'

/** First kernel that the programs of `udp-dsr/forwarder` are for. */
const DATA_PLANE = '5.15'

/** The kernel's version, and whether sockets work. */
export const kernel: Check = {
  id: 'kernel',
  title: 'the kernel has what is needed',
  applies: () => true,
  look: (situation) => [...sockets(), ...version(situation, release())],
}

function sockets(): Outcome[] {
  const { sockets: work, reason } = capabilities()
  return work ? [] : [error('No socket of udp-dsr can be opened here', reason ?? '')]
}

/** @param running the kernel's release @internal */
export function version(situation: Situation, running: string): Outcome[] {
  if (!usesXdp(situation) || !olderThan(DATA_PLANE, running)) return []
  const detail = `It is ${running}. Kernels of distributions may have what is needed in spite of their number.`
  return [
    warning(
      `The kernel is older than Linux ${DATA_PLANE}, which the data plane is for`,
      detail,
      '# run a newer kernel',
    ),
  ]
}
