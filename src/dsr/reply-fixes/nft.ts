import type { Definition } from './fix.js'
import type { Target } from './target.js'

/** After all else, connection tracking among it: that is not to see the change. */
const PRIORITY = 300

export const nft: Definition = {
  name: 'nft',
  title: 'a stateless rule of nftables',
  language: 'sh',
  unchanged: true,
  explain: () =>
    'A rule at postrouting replaces the source of all that leaves from this port of the own address. No state in the kernel, some ' +
    '170 to 320 ns a reply. It knows one VIP for each port, and changes what answers requests to the own address, too: health ' +
    'checks to that address fail.',
  commands: (target) => {
    const { version, vip, local, port, interface: name } = target
    const ip = family(version)
    const rule = `oifname "${name}" ${ip} saddr ${local} udp sport ${port} ${ip} saddr set ${vip}`
    return `nft '${[
      `add table ${table(target)}`,
      `add chain ${table(target)} replies { type filter hook postrouting priority ${PRIORITY}; }`,
      `flush chain ${table(target)} replies`,
      `add rule ${table(target)} replies ${rule}`,
    ].join('; ')}'\n`
  },
  undo: (target) => `nft delete table ${table(target)}\n`,
}

function family(version: Target['version']): string {
  return version === 4 ? 'ip' : 'ip6'
}

function table({ version, port }: Target): string {
  return `${family(version)} udp_dsr_${port}`
}
