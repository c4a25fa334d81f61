import type { IPVersion } from '../../net/classify.js'
import type { Packet } from './packet.js'
import { type Chain, type Hook, not, type Rule, type Truth, type Verdict } from './ruleset.js'
import { addressIs, isEverybody, isNamed, portOf, protocolNumber } from './values.js'

/** Priorities of the tables' chains (linux/netfilter_ipv4.h). */
const PRIORITIES: Record<string, number> = { raw: -300, mangle: -150, filter: 0, security: 50 }
const HOOKS: Record<string, Hook> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
}
const DNAT_PRIORITY = -100
const SNAT_PRIORITY = 100

/** Modules that do nothing by themselves: their options are read below. */
const SILENT = ['udp', 'comment', 'multiport', 'conntrack', 'state', 'addrtype', 'mark', 'set']
const OPTIONS_OF_CLIENT = ['--limit', '--limit-burst', '--hashlimit-upto', '--hashlimit-above', '--connlimit-above']
const UDP = 17

/** @param text of iptables-save(8) or ip6tables-save(8) */
export function readIptables(text: string, version: IPVersion): Chain[] {
  const chains: Chain[] = []
  // Tables of nftables' own that only have such a name: it lists them without their rules.
  const foreign = new Set([...text.matchAll(/^# Table `(.+)' .*incompatible/gm)].map(([, name]) => name!))
  let table = ''
  /** Rules of the table's chains. */
  let rules = new Map<string, Rule[]>()
  for (const line of text.split('\n')) {
    const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? []
    if (line.startsWith('*')) {
      table = line.slice(1).trim()
      rules = new Map()
    } else if (chain !== undefined && !foreign.has(table)) {
      const its: Rule[] = []
      rules.set(chain, its)
      chains.push({ ...describe(table, chain, policy!, version), rules: its })
    } else if (line.startsWith('-A ')) {
      const [, name = '', ...words] = split(line)
      rules.get(name)?.push(readRule(line, words, rules))
    }
  }
  return chains
}

const tableKey = (table: string, version: IPVersion) => `iptables ${version} ${table}`

function describe(table: string, name: string, policy: string, version: IPVersion): Omit<Chain, 'rules'> {
  const hook = policy === '-' ? undefined : HOOKS[name]
  const priority = table === 'nat' ? (hook === 'postrouting' ? SNAT_PRIORITY : DNAT_PRIORITY) : (PRIORITIES[table] ?? 0)
  const base = hook && {
    hook,
    nat: table === 'nat',
    priority,
    policy: policy === 'DROP' ? ('drop' as const) : ('accept' as const),
    devices: [],
  }
  const label = `${version === 4 ? 'iptables' : 'ip6tables'} ${table} ${name}`
  return { label, version, table: tableKey(table, version), name, base }
}

/** Words of a line, as a shell would take them. */
function split(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
}

function readRule(text: string, words: readonly string[], chains: ReadonlyMap<string, unknown>): Rule {
  const matches: Rule['matches'][number][] = []
  let verdict: Verdict | undefined
  let inverted = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '!') {
      inverted = true
      continue
    }
    if (word === '-j' || word === '-g') {
      verdict = readTarget(words.slice(i + 1), word === '-g', chains)
      break
    }
    // What belongs to an option before it that has several values.
    if (!word.startsWith('-')) continue
    const value = words[i + 1] ?? ''
    const invert = inverted
    inverted = false
    if (word === '-m') {
      if (!SILENT.includes(value)) matches.push(moduleMatch(value))
      i++
      continue
    }
    const match = readMatch(word, value, words[i + 2])
    if (match === 'flag') continue
    i++
    if (match !== undefined) matches.push(invert ? (packet) => not(match(packet)) : match)
    // An option of a module that is not known has been answered for by its module.
    else if (!OPTIONS_OF_CLIENT.includes(word) && word.startsWith('--')) matches.push(() => 'opaque')
  }
  return { text, matches, verdict }
}

function moduleMatch(name: string): (packet: Packet) => Truth {
  if (name === 'limit' || name === 'hashlimit' || name === 'connlimit' || name === 'recent') return () => 'some'
  if (name === 'tcp' || name === 'icmp' || name === 'icmp6') return () => false
  return () => 'opaque'
}

/** @param second the word behind the value */
function readMatch(
  option: string,
  value: string,
  second: string | undefined,
): ((packet: Packet) => Truth) | 'flag' | undefined {
  switch (option) {
    case '-s':
      return ({ source }) => address(source, value)
    case '-d':
      return ({ destination }) => address(destination, value)
    case '-i':
      return (packet) => packet.in !== undefined && isNamed(packet.in, value)
    case '-o':
      return (packet) => packet.out !== undefined && isNamed(packet.out, value)
    case '-p':
      return ({ protocol }) => value === 'all' || protocolNumber(value) === protocol
    case '--dport':
    case '--dports':
      return (packet) => port(packet, 'dport', value)
    case '--sport':
    case '--sports':
      return (packet) => port(packet, 'sport', value)
    case '--ctstate':
    case '--state':
      return ({ state }) => value.toLowerCase().split(',').includes(state)
    case '--dst-type':
      return ({ toHost }) => value.split(',').includes(toHost ? 'LOCAL' : 'UNICAST')
    case '--mark':
      return () => Number(value.split('/')[0]) === 0
    case '--comment':
      return () => true
    case '--match-set':
      // Sets of iptables are not read: one of sources is a list of clients.
      return () => (second === 'src' ? 'some' : 'opaque')
    case '-f':
    case '--invert':
    case '--loose':
    case '--validmark':
      return 'flag'
    default:
      return undefined
  }
}

function address(of: Packet['source'], value: string): Truth {
  if (of !== undefined) return addressIs(of, value) ?? 'opaque'
  return isEverybody(value) ? true : 'some'
}

function port(packet: Packet, field: 'sport' | 'dport', list: string): Truth {
  const value = portOf(packet, field, UDP)
  if (value === 'absent') return false
  if (typeof value !== 'number') return 'some'
  return list.split(',').some((one) => {
    const [low = 0, high = low] = one.split(':').map(Number)
    return low <= value && value <= high
  })
}

function readTarget(
  [target = '', ...options]: readonly string[],
  goto: boolean,
  chains: ReadonlyMap<string, unknown>,
): Verdict | undefined {
  const option = (name: string) => options[options.indexOf(name) + 1] ?? ''
  if (chains.has(target)) return { kind: goto ? 'goto' : 'jump', chain: target }
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' }
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' }
    case 'RETURN':
      return { kind: 'return' }
    case 'MASQUERADE':
      return { kind: 'rewrite', how: 'masquerade', to: 'the address of the interface' }
    case 'SNAT':
      return { kind: 'rewrite', how: 'snat', to: option('--to-source') }
    case 'DNAT':
      return { kind: 'rewrite', how: 'dnat', to: option('--to-destination') }
    case 'REDIRECT':
      return { kind: 'rewrite', how: 'redirect', to: `port ${option('--to-ports')}` }
    case 'TPROXY':
      return { kind: 'rewrite', how: 'tproxy', to: `port ${option('--on-port')}` }
    default:
      // LOG, MARK and their like let the packet go on.
      return undefined
  }
}
