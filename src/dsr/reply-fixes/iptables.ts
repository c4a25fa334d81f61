import type { Definition } from './fix.js'
import type { Target } from './target.js'

export const iptables: Definition = {
  name: 'iptables',
  title: 'DNAT of iptables',
  language: 'sh',
  unchanged: true,
  explain: () =>
    'Requests are rewritten to the own address as they come in, and connection tracking rewrites the replies back. Any number of ' +
    'VIPs, a rule for each. It costs an entry in the kernel for each flow, some 750 to 1300 ns a round trip; the program sees the own address ' +
    'instead of the VIP; flows that were there before the rule go on without it until their entries expire; and what the program sends when ' +
    'an entry has expired (net.netfilter.nf_conntrack_udp_timeout) leaves from the wrong address.',
  commands: (target) => `${rule('-A', target)}\n`,
  undo: (target) => `${rule('-D', target)}\n`,
}

function rule(action: '-A' | '-D', { version, vip, local, port, interface: name }: Target): string {
  const command = version === 4 ? 'iptables' : 'ip6tables'
  return `${command} -t nat ${action} PREROUTING -i ${name} -d ${vip} -p udp --dport ${port} -j DNAT --to-destination ${local}`
}
