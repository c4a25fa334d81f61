import { setTimeout as sleep } from 'node:timers/promises'
import { warning } from '../finding.js'
import { type Counters, readCounters } from '../host/counters.js'
import type { Check } from './check.js'

const MEANINGS: Record<keyof Counters, { what: string; fix: string }> = {
  udpBuffer: buffer('Udp RcvbufErrors in /proc/net/snmp'),
  udp6Buffer: buffer('Udp6RcvbufErrors in /proc/net/snmp6'),
  checksum: checksum('Udp InCsumErrors in /proc/net/snmp'),
  checksum6: checksum('Udp6InCsumErrors in /proc/net/snmp6'),
  reversePath: {
    what: 'by the reverse path filter (IPReversePathFilter in /proc/net/netstat)',
    fix: 'sysctl -w net.ipv4.conf.all.log_martians=1  # the kernel log then names them; see reverse-path',
  },
}

/** Looks twice at counters of datagrams that were lost on this host. */
export const lostPackets: Check = {
  id: 'lost-packets',
  title: 'no datagrams are being lost on this host',
  applies: ({ role, watch }) => role === 'backend' && watch > 0,
  look: async ({ watch }) => {
    const before = readCounters()
    await sleep(watch)
    const after = readCounters()
    return (Object.keys(MEANINGS) as (keyof Counters)[])
      .filter((name) => after[name] > before[name])
      .map((name) => {
        const { what, fix } = MEANINGS[name]
        return warning(
          `Datagrams are being dropped ${what.split(' (')[0]}`,
          `${after[name] - before[name]} within ${watch} ms ${what}; ${after[name]} since the start.`,
          fix,
        )
      })
  },
}

function buffer(counter: string) {
  return {
    what: `because the buffer of a socket was full (${counter})`,
    fix: 'sysctl -w net.core.rmem_max=8388608  # then recvBufferSize in the program; or more processes with reusePort',
  }
}

function checksum(counter: string) {
  return {
    what: `because their checksum was wrong (${counter})`,
    fix: '# who changes packets on the way? Behind XDP on veth: ethtool -K INTERFACE tx off at the sender',
  }
}
