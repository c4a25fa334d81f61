import balena from '@balena/proxy-protocol-parser'
import peer from 'proxy-protocol-js'
import { decode, encode, ProxyHeaderTemplate, ProxyHeaderView } from 'udp-dsr/proxy'
import { CLIENTS } from './headers.mjs'

const { Command, IPv4Address, IPv4ProxyAddress, TransportProtocol, V2ProxyProtocol } = peer

/** @typedef {import('./headers.mjs').Sample} Sample */

/**
 * One way to do a job.
 *
 * @typedef {object} Contender
 * @property {string} id
 * @property {string} title
 * @property {(count: number) => number} loop does it so often, on one sample after the other; what it returns depends on
 *   all results, so that no compiler can leave out the work
 * @property {(sample: Sample) => string} fault what is wrong with its result for a sample; '' when nothing is
 */

const LAST = CLIENTS - 1

/** Results of the last calls: a compiler may leave out the making of what nobody gets to see. */
const shown = new Array(CLIENTS).fill(undefined)

/**
 * Header → length and client.
 *
 * @param {readonly Sample[]} samples
 * @param {'Uint8Array' | 'Buffer'} kind what the input is: `dgram` gives a Buffer, and proxy-protocol-js's documentation passes a Uint8Array
 * @param {Uint8Array} payload what follows each header
 * @returns {Contender[]}
 */
export function decoders(samples, kind, payload) {
  const datagram = ({ bytes }) => Buffer.concat([bytes, payload])
  const as = (bytes) => (kind === 'Buffer' ? bytes : Uint8Array.from(bytes))
  const inputs = samples.map((sample) => as(datagram(sample)))
  const buffers = samples.map(datagram)
  const view = new ProxyHeaderView()
  return [
    {
      id: 'lazy',
      title: 'udp-dsr, ProxyHeaderView: length and port',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          view.read(inputs[i & LAST])
          sum += view.length + view.sourcePort
        }
        return sum
      },
      fault(sample) {
        const { length, sourceAddress, sourcePort } = view.read(as(datagram(sample)))
        return differences({ length, sourceAddress, sourcePort }, sample)
      },
    },
    {
      id: 'eager',
      title: 'udp-dsr, decode: all as strings and objects',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          const { header, length } = decode(inputs[i & LAST])
          shown[i & LAST] = header
          if (header.family === 'IPv4') sum += length + header.source.port + header.source.address.length
        }
        return sum
      },
      fault(sample) {
        const { header, length } = decode(as(datagram(sample)))
        if (asText(header) !== asText(sample.header)) return 'another header'
        return differences({ length }, sample)
      },
    },
    {
      id: 'peer',
      title: 'proxy-protocol-js, parse',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          const { proxyAddress } = V2ProxyProtocol.parse(inputs[i & LAST])
          shown[i & LAST] = proxyAddress
          if (proxyAddress instanceof IPv4ProxyAddress)
            sum += proxyAddress.sourcePort + proxyAddress.sourceAddress.address[0]
        }
        return sum
      },
      fault(sample) {
        const { proxyAddress, data } = V2ProxyProtocol.parse(as(datagram(sample)))
        if (!(proxyAddress instanceof IPv4ProxyAddress)) return 'another family'
        const sourceAddress = proxyAddress.sourceAddress.address.join('.')
        const wrong = differences({ sourceAddress, sourcePort: proxyAddress.sourcePort }, sample)
        if (wrong !== '') return wrong
        // It does not tell the length; what it calls data should be what follows the header.
        return Buffer.compare(payload, data ?? new Uint8Array(0)) === 0 ? '' : 'gives TLVs and payload as one piece'
      },
    },
    {
      id: 'balena',
      title: '@balena/proxy-protocol-parser, v2_decode of a Buffer',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          const ends = balena.v2_decode(buffers[i & LAST])
          shown[i & LAST] = ends
          sum += ends.remotePort
        }
        return sum
      },
      fault(sample) {
        const found = balena.v2_decode(datagram(sample))
        const ends = { sourceAddress: found?.remoteAddress, sourcePort: found?.remotePort }
        return differences(ends, sample) || 'tells neither length nor TLVs'
      },
    },
  ]
}

/**
 * Client, destination and TLVs → header.
 *
 * @param {readonly Sample[]} samples
 * @returns {Contender[]}
 */
export function encoders(samples) {
  const headers = samples.map(({ header }) => header)
  const [{ destination, tlvs }] = headers
  const template = new ProxyHeaderTemplate({ version: 'v2', family: 'IPv4', transport: 'DGRAM', destination, tlvs })
  const target = Buffer.alloc(2048)
  const peerObjects = samples.map(toPeer)
  const tuples = samples.map((sample) => ({
    source: quad(sample.header.source.address),
    destination: quad(sample.header.destination.address),
    sample,
  }))
  const ends = samples.map(toBalena)
  return [
    {
      id: 'encode',
      title: 'udp-dsr, encode: from strings and objects',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) sum += show(i, encode(headers[i & LAST]))
        return sum
      },
      fault: (sample) => otherBytes(encode(sample.header), sample),
    },
    {
      id: 'template',
      title: "udp-dsr, ProxyHeaderTemplate: the client from a string, into the caller's buffer",
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          const { source } = headers[i & LAST]
          sum += template.write(source.address, source.port, target)
        }
        return sum
      },
      fault({ header: { source }, ...sample }) {
        const length = template.write(source.address, source.port, target)
        return otherBytes(target.subarray(0, length), sample)
      },
    },
    {
      id: 'peer-strings',
      title: 'proxy-protocol-js, from strings: split, new, build',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) sum += show(i, toPeer(samples[i & LAST]).build())
        return sum
      },
      fault: (sample) => otherBytes(toPeer(sample).build(), sample),
    },
    {
      id: 'peer-numbers',
      title: 'proxy-protocol-js, from lists of octets: new, build',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) {
          const { source, destination, sample } = tuples[i & LAST]
          sum += show(i, makePeer(source, destination, sample).build())
        }
        return sum
      },
      fault: (sample) => otherBytes(toPeer(sample).build(), sample),
    },
    {
      id: 'peer',
      title: 'proxy-protocol-js, build alone, of objects made beforehand',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) sum += show(i, peerObjects[i & LAST].build())
        return sum
      },
      fault: (sample) => otherBytes(toPeer(sample).build(), sample),
    },
    {
      id: 'balena',
      title: '@balena/proxy-protocol-parser, v2_encode: from strings',
      loop(count) {
        let sum = 0
        for (let i = 0; i < count; i++) sum += show(i, balena.v2_encode(ends[i & LAST]))
        return sum
      },
      fault: (sample) => otherBytes(balena.v2_encode(toBalena(sample)) ?? Buffer.alloc(0), sample),
    },
  ]
}

/** Its addresses are lists of numbers: who has text must split it. */
function toPeer(sample) {
  return makePeer(quad(sample.header.source.address), quad(sample.header.destination.address), sample)
}

function makePeer(from, to, { header: { source, destination }, tlvBytes }) {
  const addresses = new IPv4ProxyAddress(
    IPv4Address.createFrom(from),
    source.port,
    IPv4Address.createFrom(to),
    destination.port,
  )
  return new V2ProxyProtocol(Command.PROXY, TransportProtocol.DGRAM, addresses, tlvBytes)
}

function quad(address) {
  return address.split('.').map(Number)
}

function toBalena({ header: { source, destination } }) {
  return {
    remoteFamily: 'IPv4',
    remoteAddress: source.address,
    remotePort: source.port,
    localAddress: destination.address,
    localPort: destination.port,
    protocol: 'udp',
  }
}

function show(i, bytes) {
  shown[i & LAST] = bytes
  return bytes.length
}

/** What of a decoder's result is not what the sample says. */
function differences(found, { header: { source }, bytes }) {
  const right = { length: bytes.length, sourceAddress: source.address, sourcePort: source.port }
  return Object.entries(found)
    .filter(([name, value]) => value !== right[name])
    .map(([name, value]) => `${name} is ${value}, not ${right[name]}`)
    .join('; ')
}

/** A header for comparison, with the values of its TLVs in hexadecimal. */
function asText(header) {
  return JSON.stringify({
    ...header,
    tlvs: header.tlvs.map(({ type, value }) => [type, Buffer.from(value).toString('hex')]),
  })
}

/** Where an encoder's bytes first are not what they must be. */
function otherBytes(written, { bytes }) {
  const at = bytes.findIndex((byte, i) => written[i] !== byte)
  if (at < 0) return written.length === bytes.length ? '' : `${written.length} bytes, not ${bytes.length}`
  const field = at === 12 ? ' (version and command)' : at === 14 || at === 15 ? ' (length)' : ''
  return `wrong bytes: byte ${at}${field} is ${written[at]}, not ${bytes[at]}`
}
