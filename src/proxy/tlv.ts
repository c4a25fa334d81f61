import { invalidArgType, unknownOption } from '../errors.js'
import { type ProxySslValues, readSsl, twice, writeSsl } from './ssl-tlv.js'
import { readText, type TextEncoding, writeText } from './text.js'
import type { ProxyTlv } from './types.js'
import { ProxyTlvType } from './wire.js'
import { badTlv, measureTlvs } from './write.js'

/** Values of the TLVs that proxy-protocol.txt §2.2 and three clouds define. */
export interface ProxyTlvValues {
  /** What TLS negotiated, a byte a character (RFC 7301): `h3`, `dot`. */
  alpn?: string | undefined
  /** The host that the client asked for, with TLS the SNI. UTF-8. */
  authority?: string | undefined
  /** CRC-32C of the header, 0 – 2³²−1. `encode` with `checksum: true` puts the right one there. */
  crc32c?: number | undefined
  /** Made by the proxy, opaque, 0–128 bytes. */
  uniqueId?: Buffer | undefined
  /** Name of the network namespace that the proxy accepted the connection in. US-ASCII. */
  netns?: string | undefined
  ssl?: ProxySslValues | undefined
  /** Amazon Web Services, type 0xEA with 0x01: the VPC endpoint, `vpce-…`. US-ASCII. */
  awsVpcEndpointId?: string | undefined
  /** Microsoft Azure, type 0xEE with 0x01: the private endpoint's LinkID, 0 – 2³²−1; little endian on the wire. */
  azurePrivateEndpointLinkId?: number | undefined
  /** Google Cloud, type 0xE0: the Private Service Connect connection, 0 – 2⁶⁴−1; big endian on the wire. */
  gcpPscConnectionId?: bigint | undefined
}

/** Longest unique ID in bytes (§2.2.5). */
const UNIQUE_ID_LONGEST = 128
/** The first byte of Amazon's and of Azure's value says what follows; these are the ones defined. */
const AWS_VPC_ENDPOINT_ID = 0x01
const AZURE_LINK_ID = 0x01

type Name = keyof ProxyTlvValues

/** How one value is read and written. */
interface Codec<V> {
  type: number
  /** Undefined when the TLV says something else. @throws ProxyProtocolError ERR_PROXY_TLV */
  read(value: Buffer, name: string): V | undefined
  /** @throws ProxyProtocolError ERR_PROXY_TLV; ArgumentTypeError ERR_INVALID_ARG_TYPE */
  write(value: V, name: string): Uint8Array
}

const CODECS: { [N in Name]-?: Codec<NonNullable<ProxyTlvValues[N]>> } = {
  alpn: text(ProxyTlvType.alpn, 'latin1'),
  authority: text(ProxyTlvType.authority, 'utf8'),
  crc32c: {
    type: ProxyTlvType.crc32c,
    read: (value, name) => sized(name, value, 4).readUInt32BE(0),
    write(value, name) {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(uint32(name, value))
      return bytes
    },
  },
  uniqueId: {
    type: ProxyTlvType.uniqueId,
    read: (value, name) => uniqueId(name, value),
    write(value, name) {
      if (!(value instanceof Uint8Array)) throw invalidArgType(name, 'a Buffer or Uint8Array', value)
      return uniqueId(name, value)
    },
  },
  ssl: { type: ProxyTlvType.ssl, read: readSsl, write: writeSsl },
  netns: text(ProxyTlvType.netns, 'ascii'),
  gcpPscConnectionId: {
    type: ProxyTlvType.gcp,
    read: (value, name) => sized(name, value, 8).readBigUInt64BE(0),
    write(value, name) {
      if (typeof value !== 'bigint') throw invalidArgType(name, 'of type bigint', value)
      if (BigInt.asUintN(64, value) !== value) throw badTlv(`"${name}" is ${value}, and must be 0 to 2**64 - 1`)
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64BE(value)
      return bytes
    },
  },
  awsVpcEndpointId: {
    type: ProxyTlvType.aws,
    read: (value, name) =>
      kind(name, value) === AWS_VPC_ENDPOINT_ID ? readText(name, 'ascii', value.subarray(1)) : undefined,
    write: (value, name) => Buffer.concat([Uint8Array.of(AWS_VPC_ENDPOINT_ID), writeText(name, 'ascii', value)]),
  },
  azurePrivateEndpointLinkId: {
    type: ProxyTlvType.azure,
    read: (value, name) => (kind(name, value) === AZURE_LINK_ID ? sized(name, value, 5).readUInt32LE(1) : undefined),
    write(value, name) {
      const bytes = Buffer.of(AZURE_LINK_ID, 0, 0, 0, 0)
      bytes.writeUInt32LE(uint32(name, value), 1)
      return bytes
    },
  },
}

const NAMES = Object.keys(CODECS) as Name[]

/**
 * Reads the TLVs that are known; others are left out. Buffers are views of the TLVs' values.
 *
 * Types from 0xE0 to 0xEF are free for anyone's use: behind a proxy that puts something else than the clouds do into
 * 0xE0, 0xEA or 0xEE, read the header's `tlvs` instead.
 *
 * @throws ProxyProtocolError ERR_PROXY_TLV for one that is malformed, or there twice; ArgumentTypeError
 * ERR_INVALID_ARG_TYPE
 */
export function readTlvs(tlvs: readonly ProxyTlv[]): ProxyTlvValues {
  measureTlvs('tlvs', tlvs)
  const values: Partial<Record<Name, unknown>> = {}
  for (const { type, value } of tlvs) {
    const name = NAMES.find((candidate) => CODECS[candidate].type === type)
    if (name === undefined) continue
    const read = CODECS[name].read(Buffer.from(value.buffer, value.byteOffset, value.length), name)
    if (read === undefined) continue
    if (values[name] !== undefined) throw twice(name)
    values[name] = read
  }
  return values as ProxyTlvValues
}

/**
 * Makes TLVs of values, by type and in a fixed order; what is undefined is left out.
 *
 * @throws ProxyProtocolError ERR_PROXY_TLV for a value that its TLV cannot hold; ArgumentTypeError
 * ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION
 */
export function makeTlvs(values: ProxyTlvValues): ProxyTlv[] {
  if (values === null || typeof values !== 'object') throw invalidArgType('values', 'of type object', values)
  for (const name of Object.keys(values)) if (!Object.hasOwn(CODECS, name)) throw unknownOption(name, NAMES)
  const tlvs: ProxyTlv[] = []
  for (const name of NAMES) {
    if (values[name] === undefined) continue
    const codec = CODECS[name] as Codec<unknown>
    tlvs.push({ type: codec.type, value: codec.write(values[name], `values.${name}`) })
  }
  measureTlvs('values', tlvs)
  return tlvs
}

function text(type: number, encoding: TextEncoding): Codec<string> {
  return {
    type,
    read: (value, name) => readText(name, encoding, value),
    write: (value, name) => writeText(name, encoding, value),
  }
}

function sized(name: string, value: Buffer, size: number): Buffer {
  if (value.length === size) return value
  throw badTlv(`The TLV "${name}" has ${value.length} bytes and should have ${size}. Its sender is at fault`)
}

/** The byte that says what follows. */
function kind(name: string, value: Buffer): number {
  const [first] = value
  if (first === undefined) throw badTlv(`The TLV "${name}" has 0 bytes and needs 1. Its sender is at fault`)
  return first
}

function uniqueId<Value extends Uint8Array>(name: string, value: Value): Value {
  if (value.length <= UNIQUE_ID_LONGEST) return value
  throw badTlv(`"${name}" has ${value.length} bytes, and ${UNIQUE_ID_LONGEST} is the limit. Shorten it`)
}

function uint32(name: string, value: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value
  throw badTlv(`"${name}" is ${value}, and must be an integer from 0 to 4294967295`)
}
