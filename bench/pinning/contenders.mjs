import { jumpConsistentHash } from '@subspace/jump-consistent-hash'
import ConsistentHash from 'consistent-hash'
import HashRing from 'hashring'
import Skeleton from 'skeleton-rendezvous'
import { FlowKey, FlowPinner } from 'udp-dsr/pinning'
import { bytes, FLOWS, text } from './keys.mjs'

/**
 * One way to find the backend of a flow.
 *
 * @typedef {object} Contender
 * @property {string} id
 * @property {string} title
 * @property {(count: number) => number} loop finds so many, one flow after the other, round and round; what it returns
 *   depends on all results, so that no compiler can leave out the work
 * @property {(flow: { client: { address: string, port: number }, local: object }) => unknown} pick one of them, from texts
 */

const LAST = FLOWS - 1

/** @param {import('./keys.mjs').Keys} keys @param {number} count of backends */
export function makePinner({ secret }, count) {
  return new FlowPinner({ backends: ids(count).map((id) => ({ id })), affinity: 'flow', secret })
}

/** Whom all of them choose from. */
export function ids(count) {
  return Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:60002`)
}

/**
 * Each gets its key ready made, in the form that it wants.
 *
 * @param {import('./keys.mjs').Keys} keys
 * @param {number} count of backends
 * @returns {Contender[]}
 */
export function fromReadyKeys(keys, count) {
  const { clients, ports, local, localPort, strings, eightBytes } = keys
  const pinner = makePinner(keys, count)
  const key = new FlowKey('flow')
  const peers = makePeers(count)
  return [
    {
      id: 'numbers',
      title: 'udp-dsr, FlowKey.setIPv4 of numbers and pickIndex',
      loop(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          const at = i & LAST
          key.setIPv4(clients[at], ports[at], local, localPort)
          sum += pinner.pickIndex(key)
        }
        return sum
      },
      pick: (flow) => pinner.pick(flow),
    },
    peer(peers, 'consistent-hash', (ring, i) => ring.get(strings[i])),
    peer(peers, 'jump', (jump, i) => jump(eightBytes[i], count)),
    peer(peers, 'hashring', (ring, i) => ring.get(strings[i])),
    peer(peers, 'skeleton', (hasher, i) => hasher.findSite(strings[i])),
  ]
}

/**
 * Each begins with the client's address as a text and its port as a number, as `rinfo` has them.
 *
 * @param {import('./keys.mjs').Keys} keys
 * @param {number} count of backends
 * @returns {Contender[]}
 */
export function fromTexts(keys, count) {
  const { flows } = keys
  const pinner = makePinner(keys, count)
  const peers = makePeers(count)
  return [
    {
      id: 'texts',
      title: 'udp-dsr, pick: client and local address and port',
      loop(times) {
        let sum = 0
        for (let i = 0; i < times; i++) sum += pinner.pick(flows[i & LAST]).weight
        return sum
      },
      pick: (flow) => pinner.pick(flow),
    },
    peer(peers, 'consistent-hash', (ring, i) => ring.get(text(flows[i].client))),
    peer(peers, 'jump', (jump, i) => jump(bytes(flows[i].client), count)),
    peer(peers, 'hashring', (ring, i) => ring.get(text(flows[i].client))),
    peer(peers, 'skeleton', (hasher, i) => hasher.findSite(text(flows[i].client))),
  ]
}

/** Everyone with so many backends, and a second one of each: two edges that should agree. */
function makePeers(count) {
  const sites = ids(count)
  const consistent = () => {
    const ring = new ConsistentHash()
    for (const site of sites) ring.add(site)
    return ring
  }
  const byText = (find) => (flow) => find(text(flow.client))
  const [rings, hashRings, skeletons] = [consistent, () => new HashRing(sites), () => new Skeleton({ sites })].map(
    (make) => [make(), make()],
  )
  return {
    'consistent-hash': {
      title: 'consistent-hash, get of a string',
      it: rings[0],
      picks: rings.map((ring) => byText((key) => ring.get(key))),
    },
    jump: {
      title: '@subspace/jump-consistent-hash, of 8 bytes',
      it: jumpConsistentHash,
      picks: [1, 2].map(() => (flow) => jumpConsistentHash(bytes(flow.client), count)),
    },
    hashring: {
      title: 'hashring, get of a string',
      it: hashRings[0],
      picks: hashRings.map((ring) => byText((key) => ring.get(key))),
    },
    skeleton: {
      title: 'skeleton-rendezvous, findSite of a string',
      it: skeletons[0],
      picks: skeletons.map((hasher) => byText((key) => hasher.findSite(key))),
    },
  }
}

function peer(peers, id, find) {
  const { title, it, picks } = peers[id]
  return {
    id,
    title,
    loop(times) {
      let sum = 0
      // What is found is an id, or an index.
      for (let i = 0; i < times; i++) sum += find(it, i & LAST).length ?? 1
      return sum
    },
    pick: picks[0],
    pickAgain: picks[1],
  }
}
