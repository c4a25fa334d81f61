import { type Datagram, fragments, RewriteModel, whole } from './model.js'
import { loadRewrite } from './rewrite.js'

/** The programs in the kernel against the model, on random datagrams of a few hosts, which meet each other often. */

export interface Mismatch {
  seed: number
  packet: number
  what: string
  sent: string
  got: string
  want: string
}

const FAMILIES = [
  {
    vips: ['198.51.100.2', '198.51.100.3', '198.51.100.4'],
    own: ['10.0.0.2', '10.0.0.3'],
    peers: ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4'],
  },
  {
    vips: ['2001:db8:51::2', '2001:db8:51::3', '2001:db8:51::4'],
    own: ['2001:db8:10::2', '2001:db8:10::3'],
    peers: ['2001:db8:a::1', '2001:db8:b::2', '2001:db8::3', '2001:db8:ffff::4'],
  },
]
const VIPS = FAMILIES.flatMap(({ vips }) => vips)
const RULE_PORT = 5400
const RULES = [
  { port: RULE_PORT, from: '198.51.100.4' },
  { port: RULE_PORT, from: '2001:db8:51::4' },
]
const LOCAL_PORTS = [53, 5300, RULE_PORT]
const PEER_PORTS = [1024, 40_000, 65_535]
const IDS = 8

/** xorshift32 */
function generator(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

export function compare(seed: number, packets: number): { outcomes: Map<string, number>; mismatches: Mismatch[] } {
  const loaded = loadRewrite(VIPS, RULES)
  const { programs } = loaded
  const model = new RewriteModel(VIPS, RULES)
  const below = generator(seed)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const outcomes = new Map<string, number>()
  const mismatches: Mismatch[] = []
  let packet = 0
  const check = (what: string, program: keyof typeof programs, sent: Uint8Array, want: Uint8Array) => {
    const got = programs[program].testRun({ data: sent })
    const name = want === sent || hex(want) === hex(sent) ? `${what} kept` : `${what} rewritten`
    outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
    if (hex(got.data) !== hex(want) || got.verdict !== 0xffff_ffff)
      mismatches.push({ seed, packet, what, sent: hex(sent), got: hex(got.data), want: hex(want) })
    packet++
  }
  try {
    while (packet < packets) {
      const { vips, own, peers } = pick(FAMILIES)
      const incoming = below(2) === 0
      const split = below(4) === 0
      const [local, peer] = [pick(below(incoming ? 2 : 4) === 0 ? vips : own), pick(peers)]
      const requested = incoming && below(4) > 0 ? pick(vips) : local
      const [localPort, peerPort] = [pick(LOCAL_PORTS), pick(PEER_PORTS)]
      const payload = Uint8Array.from({ length: (split ? 40 : 0) + below(30) }, () => below(256))
      const datagram: Datagram = {
        ...(incoming
          ? { source: peer, destination: requested, sourcePort: peerPort, destinationPort: localPort }
          : { source: local, destination: peer, sourcePort: localPort, destinationPort: peerPort }),
        payload,
        checksum: peer.includes(':') || below(4) > 0,
        id: below(IDS),
      }
      if (incoming) {
        model.request(datagram)
        const sent = split ? fragments(datagram)[0] : whole(datagram)
        check('request', 'rewriteIngress', sent, sent)
        continue
      }
      const rewritten = { ...datagram, source: model.reply(datagram, split) }
      if (!split) {
        check('reply', 'rewriteEgress', whole(datagram), whole(rewritten))
        continue
      }
      const [first, second] = fragments(datagram)
      check('first fragment', 'rewriteEgress', first, fragments(rewritten)[0])
      const after = { ...datagram, source: model.later(datagram) }
      check('later fragment', 'rewriteEgress', second, fragments(after)[1])
    }
  } finally {
    loaded.close()
  }
  return { outcomes, mismatches }
}
