// Plain JavaScript, as is all that the programs here run: what is measured is the built package and nothing else.

/** Different flows, so that no cache of a processor or a package holds all answers. A power of two. */
export const FLOWS = 16384

const LOCAL = { address: '198.51.100.2', port: 443 }
const SECRET = Buffer.from('8f1d5c70a2e94b36', 'hex')

/**
 * The flows in every form that somebody wants. All come from one sequence that is the same in each run.
 *
 * @typedef {object} Keys
 * @property {Buffer} secret
 * @property {Uint32Array} clients IPv4 addresses as numbers
 * @property {Uint16Array} ports
 * @property {number} local address of the service as a number
 * @property {number} localPort
 * @property {{ client: { address: string, port: number }, local: { address: string, port: number } }[]} flows as texts
 * @property {string[]} strings `address:port`
 * @property {Uint8Array[]} eightBytes client address, client port, zeros
 */

/** @returns {Keys} */
export function makeKeys() {
  const clients = new Uint32Array(FLOWS)
  const ports = new Uint16Array(FLOWS)
  let state = 1
  const next = () => {
    // The generator of Numerical Recipes; its upper bits are good enough for addresses.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 16
  }
  for (let i = 0; i < FLOWS; i++) {
    clients[i] = next() * 65536 + next()
    ports[i] = 1024 + (next() % 64512)
  }
  const flows = Array.from(clients, (client, i) => ({
    client: { address: quad(client), port: ports[i] },
    local: LOCAL,
  }))
  return {
    secret: SECRET,
    clients,
    ports,
    local: number(LOCAL.address),
    localPort: LOCAL.port,
    flows,
    strings: flows.map(({ client }) => text(client)),
    eightBytes: flows.map(({ client }) => bytes(client)),
  }
}

export const text = ({ address, port }) => `${address}:${port}`

/** Eight bytes of an end given as text: what a package that takes bytes needs before it can begin. */
export function bytes({ address, port }) {
  const [a, b, c, d] = address.split('.')
  return Uint8Array.of(a, b, c, d, port >> 8, port & 0xff, 0, 0)
}

function quad(address) {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')
}

function number(address) {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}
