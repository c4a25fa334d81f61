import { error, warning } from '../finding.js'
import { sysctlNumber } from '../host/files.js'
import type { Check } from './check.js'

const MUCH = 0.8
const NEARLY_ALL = 0.95

/** A full table of connection tracking drops the first packet of every new flow. */
export const conntrackTable: Check = {
  id: 'conntrack-table',
  title: 'the table of connection tracking has room',
  applies: ({ role }) => role === 'backend',
  look: () => {
    const count = sysctlNumber('net/netfilter/nf_conntrack_count')
    const max = sysctlNumber('net/netfilter/nf_conntrack_max')
    if (count === undefined || max === undefined || max === 0 || count < MUCH * max) return []
    const tell = count < NEARLY_ALL * max ? warning : error
    return [
      tell(
        `The table of connection tracking is ${Math.round((100 * count) / max)} % full`,
        `net.netfilter.nf_conntrack_count is ${count} of nf_conntrack_max ${max}. When it is full, new flows are dropped.`,
        `sysctl -w net.netfilter.nf_conntrack_max=${2 * max}`,
        '# or exempt the service, in a chain of nft at hook prerouting, priority raw: udp dport PORT notrack',
      ),
    ]
  },
}
