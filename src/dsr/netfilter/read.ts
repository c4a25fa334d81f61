import type { IPVersion } from '../../net/classify.js'
import { readText } from '../host/files.js'
import { ask } from '../host/tools.js'
import type { Situation } from '../options.js'
import { readIptables } from './iptables.js'
import { readNft } from './nft.js'
import type { Chain } from './ruleset.js'

/** The host's rules, as far as they could be read. */
export interface Netfilter {
  chains: readonly Chain[]
  /** Why there may be more. */
  missing: readonly string[]
}

const known = new WeakMap<Situation, Promise<Netfilter>>()

/** Reads the rules once for all checks that look at a situation. */
export function netfilterOf(situation: Situation): Promise<Netfilter> {
  let found = known.get(situation)
  if (found === undefined) {
    found = read()
    known.set(situation, found)
  }
  return found
}

async function read(): Promise<Netfilter> {
  const [nft, four, six, legacyFour, legacySix] = await Promise.all([
    ask('nft', ['-j', 'list', 'ruleset'], 'nftables'),
    ask('iptables-save', [], 'iptables'),
    ask('ip6tables-save', [], 'iptables'),
    legacy(4),
    legacy(6),
  ])
  const missing: string[] = []
  const iptables: Chain[] = []
  for (const [told, version] of [
    [four, 4],
    [six, 6],
    [legacyFour, 4],
    [legacySix, 6],
  ] as const) {
    if (told !== undefined && 'output' in told) iptables.push(...readIptables(told.output, version))
  }
  const chains: Chain[] = []
  if ('output' in nft) chains.push(...readNft(nft.output).filter((chain) => !isCovered(chain, iptables)))
  else missing.push(nft.missing)
  // Without iptables-save, nft shows that there are such rules, as expressions that it cannot read; legacy tables it does not show.
  for (const told of [legacyFour, legacySix]) if (told !== undefined && 'missing' in told) missing.push(told.missing)
  if ('missing' in nft && 'missing' in four) missing.push(four.missing)
  return { chains: [...chains, ...iptables], missing: [...new Set(missing)] }
}

/** Tables of the older iptables exist only where the kernel lists them; its reader is asked only then. */
async function legacy(version: IPVersion) {
  const names = readText(version === 4 ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names')
  if (names === undefined || names === '') return undefined
  return ask(version === 4 ? 'iptables-legacy-save' : 'ip6tables-legacy-save', [], 'iptables')
}

/** Whether it is a chain of iptables, which lives in nftables and which iptables-save has shown better. */
function isCovered(chain: Chain, iptables: readonly Chain[]): boolean {
  const table = chain.table.split(' ')[2]
  return iptables.some(
    (other) => other.version === chain.version && other.table.endsWith(` ${table}`) && other.name === chain.name,
  )
}
