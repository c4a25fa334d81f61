// Random rulesets of nft and iptables: the reader of the doctor must say of a datagram what the kernel does with it.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { useNet, usePrograms } from './kit.js'

const net = useNet('all')
usePrograms('nft', 'iptables')
const TRIALS = 150
const PORT = 5300
const CONTROL = 5299

const port = fc.constantFrom(53, 5290, PORT, 5301, 60000)
const network = fc.constantFrom('127.0.0.1', '127.0.0.0/8', '10.0.0.0/8', '127.0.0.2', '0.0.0.0/0', '127.0.0.0/31')
const not = fc.constantFrom('', '!= ')
const verdict = fc.constantFrom('accept', 'drop', 'reject', 'jump one', 'goto one', 'return', 'counter')

const nftMatch = fc.oneof(
  fc.tuple(not, port).map(([no, one]) => `udp dport ${no}${one}`),
  fc.tuple(not, port, port).map(([no, a, b]) => `udp dport ${no}${Math.min(a, b)}-${Math.max(a, b) + 1}`),
  fc.tuple(not, fc.uniqueArray(port, { minLength: 2 })).map(([no, ports]) => `udp dport ${no}{ ${ports.join(', ')} }`),
  fc.tuple(fc.constantFrom('saddr', 'daddr'), not, network).map(([field, no, one]) => `ip ${field} ${no}${one}`),
  fc.tuple(fc.constantFrom('saddr', 'daddr'), not).map(([field, no]) => `ip ${field} ${no}127.0.0.1-127.0.0.9`),
  fc.tuple(fc.constantFrom('iifname', 'iif'), not, fc.constantFrom('"lo"', '"lo"')).map((words) => words.join(' ')),
  fc.tuple(not, fc.constantFrom('"eth*"', '"l*"', '"eth0"')).map(([no, name]) => `iifname ${no}${name}`),
  fc
    .tuple(not, fc.constantFrom('udp', 'tcp', '{ icmp, udp }', '{ tcp, icmp }'))
    .map(([no, p]) => `meta l4proto ${no}${p}`),
  fc.tuple(not, fc.constantFrom('udp', 'tcp')).map(([no, p]) => `ip protocol ${no}${p}`),
  fc.constantFrom('meta nfproto ipv4', 'meta nfproto ipv6', 'ip6 saddr ::1', 'tcp dport 5300', 'th dport 5300'),
  fc.tuple(not, fc.constantFrom('0', '1')).map(([no, mark]) => `meta mark ${no}${mark}`),
  fc.tuple(not, fc.constantFrom('local', 'unicast')).map(([no, kind]) => `fib daddr type ${no}${kind}`),
  fc.tuple(not, fc.constantFrom('@some', '@others')).map(([no, set]) => `ip saddr ${no}${set}`),
  fc.constantFrom('udp dport > 5300', 'udp dport >= 5300', 'udp dport < 5300', 'udp sport > 1'),
)
const nftRule = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.array(nftMatch, { maxLength: 2 }), verdict).map(([all, end]) => [...all, end].join(' ')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('udp dport vmap { 5300 : drop, 53 : accept }', 'meta l4proto vmap { udp : jump two }'),
  },
)
/** Chains that are jumped to may jump on, and not back. */
const nftRules = (without: readonly string[]) =>
  fc.array(nftRule, { maxLength: 4 }).map((rules) => rules.filter((rule) => !without.some((end) => rule.includes(end))))

const nft = fc
  .tuple(
    nftRules([]),
    nftRules([]),
    nftRules(['one']),
    nftRules(['one', 'two']),
    fc.constantFrom('accept', 'drop'),
    fc.constantFrom('accept', 'drop'),
  )
  .map(([input, early, one, two, policy, other]) => {
    const base = (hook: string, priority: number, end: string) =>
      `type filter hook ${hook} priority ${priority}; policy ${end};\nudp dport ${CONTROL} accept`
    // The hook prerouting takes no reject.
    const quiet = early.filter((rule) => !/reject|jump|goto/.test(rule))
    return `table inet f {
set some { type ipv4_addr; elements = { 127.0.0.1, 10.0.0.1 }; }
set others { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
chain two {\n${two.join('\n')}\n}
chain one {\n${one.join('\n')}\n}
chain pre {\n${base('prerouting', -150, other)}\n${quiet.join('\n')}\n}
chain input {\n${base('input', 0, policy)}\n${input.join('\n')}\n}
}`
  })

const bang = fc.constantFrom('', '! ')
const iptablesMatch = fc.oneof(
  fc.tuple(bang, network).map(([no, one]) => `${no}-s ${one}`),
  fc.tuple(bang, fc.constantFrom('lo', 'l+', 'eth0', 'eth+')).map(([no, name]) => `${no}-i ${name}`),
  fc.tuple(bang, port).map(([no, one]) => `-p udp -m udp ${no}--dport ${one}`),
  fc.tuple(bang, port, port).map(([no, a, b]) => `-p udp -m udp ${no}--dport ${Math.min(a, b)}:${Math.max(a, b)}`),
  fc.tuple(bang, port).map(([no, one]) => `-p udp -m multiport ${no}--dports 1:9,${one},5310:5320`),
  fc.tuple(bang, fc.constantFrom('udp', 'tcp', 'icmp')).map(([no, protocol]) => `${no}-p ${protocol}`),
  fc.tuple(bang, fc.constantFrom('LOCAL', 'UNICAST')).map(([no, kind]) => `-m addrtype ${no}--dst-type ${kind}`),
  fc.tuple(bang, fc.constantFrom('0x1', '0x0')).map(([no, mark]) => `-m mark ${no}--mark ${mark}`),
  fc.constantFrom('-m comment --comment "with \\"quotes\\" -j DROP"', '-p tcp -m tcp --dport 5300'),
)
const target = fc.constantFrom('ACCEPT', 'DROP', 'REJECT', 'RETURN', 'ONE')
const iptablesRules = (chain: string, without?: string) =>
  fc
    .array(fc.tuple(iptablesMatch, target, fc.constantFrom('-j', '-g')), { maxLength: 5 })
    .map((rules) =>
      rules
        .filter(([, end]) => end !== without)
        .map(([match, end, how]) => `-A ${chain} ${match} ${end === 'ONE' ? how : '-j'} ${end}`),
    )
const iptables = fc
  .tuple(iptablesRules('INPUT'), iptablesRules('ONE', 'ONE'), fc.constantFrom('ACCEPT', 'DROP'))
  .map(([input, one, policy]) =>
    [
      '*filter',
      `:INPUT ${policy} [0:0]`,
      ':ONE - [0:0]',
      `-A INPUT -p udp -m udp --dport ${CONTROL} -j ACCEPT`,
      ...input,
      ...one,
      'COMMIT\n',
    ].join('\n'),
  )

test.each([
  ['nft', nft],
  ['iptables', iptables],
] as const)('what the reader says of rules of %s is what the kernel does', { timeout: 60_000 }, async (tool, rules) => {
  const trials = fc.sample(rules, TRIALS).map((text) => ({ tool, rules: text }))
  const [host] = await net.hosts(tool)
  const outcomes = await host.call('firewallTrials', trials)
  let both = [0, 0]
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome === null) continue
    const { said, did } = outcome
    const { rules } = trials[i]!
    expect({ rules, said }).toEqual({ rules, said: did })
    both = [both[0]! + Number(did), both[1]! + Number(!did)]
  }
  // In both ways, some 20 of the rarer one, or nothing was seen.
  expect(Math.min(...both)).toBeGreaterThan(2)
})
