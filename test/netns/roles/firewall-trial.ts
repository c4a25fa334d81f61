import { execFileSync, spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { parseAddress } from '../../../src/dsr/address.js'
import { readIptables } from '../../../src/dsr/netfilter/iptables.js'
import { readNft } from '../../../src/dsr/netfilter/nft.js'
import type { Packet } from '../../../src/dsr/netfilter/packet.js'
import { walk } from '../../../src/dsr/netfilter/walk.js'

export interface Trial {
  tool: 'nft' | 'iptables'
  /** For `nft -f` or `iptables-restore`. */
  rules: string
}

/** What the reader of rules says, and what the kernel did. */
export interface Outcome {
  said: boolean | 'uncertain'
  did: boolean
}

const PORT = 5300
/** Its rules let it pass before all others, so that what has not come before it was dropped. */
const CONTROL = 5299
const HERE = '127.0.0.1'

/** Sends a datagram through each ruleset, over loopback. Null: the tool refused the rules, as contradicting themselves. */
export async function firewallTrials(trials: readonly Trial[]): Promise<(Outcome | null)[]> {
  const [asked, control, sender] = await Promise.all([open(PORT), open(CONTROL), open(0)])
  const outcomes: (Outcome | null)[] = []
  for (const { tool, rules } of trials) {
    execFileSync('nft', ['flush', 'ruleset'])
    const command = tool === 'nft' ? ['-f', '-'] : []
    const { status } = spawnSync(tool === 'nft' ? 'nft' : 'iptables-restore', command, { input: rules })
    if (status !== 0) {
      outcomes.push(null)
      continue
    }
    let did = false
    const seen = () => {
      did = true
    }
    asked.on('message', seen)
    const passed = once(control, 'message')
    sender.send('?', PORT, HERE)
    sender.send('.', CONTROL, HERE)
    await passed
    // Both may have been there at once, and been read in any order.
    for (let turn = 0; turn < 2; turn++) await setImmediate()
    asked.off('message', seen)
    outcomes.push({ said: say(tool, sender.address().port), did })
  }
  execFileSync('nft', ['flush', 'ruleset'])
  for (const socket of [asked, control, sender]) socket.close()
  return outcomes
}

function say(tool: Trial['tool'], sourcePort: number): Outcome['said'] {
  const chains =
    tool === 'nft'
      ? readNft(execFileSync('nft', ['-j', 'list', 'ruleset'], { encoding: 'utf8' }))
      : readIptables(execFileSync('iptables-save', { encoding: 'utf8' }), 4)
  const packet: Packet = {
    ...{ version: 4, protocol: 17, source: parseAddress(HERE), destination: parseAddress(HERE) },
    ...{ sourcePort, destinationPort: PORT, in: 'lo', out: undefined, state: 'new', toHost: true, returns: true },
  }
  const { dropped, uncertain } = walk(chains, packet, ['prerouting', 'input'])
  return uncertain.length > 0 ? 'uncertain' : dropped === undefined
}

async function open(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4' }).bind(port, HERE)
  await once(socket, 'listening')
  return socket
}
