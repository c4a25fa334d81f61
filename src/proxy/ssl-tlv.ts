import { invalidArgType, unknownOption } from '../errors.js'
import { readText, type TextEncoding, writeText } from './text.js'
import type { ProxyTlv } from './types.js'
import { ProxySslTlvType, TLV_FIXED } from './wire.js'
import { badTlv, measureTlvs, writeTlvs, writeUint32 } from './write.js'

/** What the proxy tells of the client's TLS (proxy-protocol.txt §2.2.6). */
export interface ProxySslValues {
  /** Whether the client spoke TLS to the proxy (bit PP2_CLIENT_SSL). */
  clientUsedTls: boolean
  /** Whether it gave a certificate over this connection (PP2_CLIENT_CERT_CONN). */
  clientCertConn: boolean
  /** Whether it gave one in the session that this connection goes on with, at least once (PP2_CLIENT_CERT_SESS). */
  clientCertSess: boolean
  /** Whether the field `verify` is 0: it gave a certificate, and that was found good. */
  verified: boolean
  /** US-ASCII: `TLSv1.3`. */
  version?: string | undefined
  /** Of the client's certificate, UTF-8. */
  commonName?: string | undefined
  /** US-ASCII: `ECDHE-RSA-AES128-GCM-SHA256`. */
  cipher?: string | undefined
  /** Of the certificate that the proxy showed, US-ASCII: `SHA256`. */
  signatureAlgorithm?: string | undefined
  /** Of the certificate that the proxy showed, US-ASCII: `RSA2048`. */
  keyAlgorithm?: string | undefined
  /** Of the key exchange, US-ASCII: `secp256r1`. */
  group?: string | undefined
  /** Of the handshake, US-ASCII: `rsa_pss_rsae_sha256`. */
  signatureScheme?: string | undefined
  /** The client's, in DER. */
  clientCertificate?: Buffer | undefined
}

/** Bits of the field `client`. */
const FLAGS = { clientUsedTls: 0x01, clientCertConn: 0x02, clientCertSess: 0x04 } as const
/** The fields `client`, 1 byte, and `verify`, 4. */
const FIXED = 5

const TEXTS = {
  version: 'ascii',
  commonName: 'utf8',
  cipher: 'ascii',
  signatureAlgorithm: 'ascii',
  keyAlgorithm: 'ascii',
  group: 'ascii',
  signatureScheme: 'ascii',
} as const satisfies Partial<Record<keyof typeof ProxySslTlvType, TextEncoding>>

const TEXT_NAMES = Object.keys(TEXTS) as (keyof typeof TEXTS)[]
const FLAG_NAMES = Object.keys(FLAGS) as (keyof typeof FLAGS)[]
const NAMES: readonly string[] = [...FLAG_NAMES, 'verified', ...TEXT_NAMES, 'clientCertificate']

/** @param value a view of it is `clientCertificate`. @throws ProxyProtocolError ERR_PROXY_TLV */
export function readSsl(value: Buffer): ProxySslValues {
  if (value.length < FIXED)
    throw badTlv(`The TLV "ssl" has ${value.length} bytes and needs ${FIXED}. Its sender is at fault`)
  const flags = value[0]!
  const values: ProxySslValues = {
    clientUsedTls: (flags & FLAGS.clientUsedTls) !== 0,
    clientCertConn: (flags & FLAGS.clientCertConn) !== 0,
    clientCertSess: (flags & FLAGS.clientCertSess) !== 0,
    verified: value.readUInt32BE(1) === 0,
  }
  for (let at = FIXED; at < value.length; ) {
    const left = value.length - at - TLV_FIXED
    const size = left < 0 ? 0 : value.readUInt16BE(at + 1)
    if (size > left)
      throw badTlv(`A TLV within the TLV "ssl" reaches ${size - left} bytes beyond its end. Its sender is at fault`)
    const start = at + TLV_FIXED
    readSubTlv(value[at]!, value.subarray(start, start + size), values)
    at = start + size
  }
  return values
}

function readSubTlv(type: number, value: Buffer, values: ProxySslValues): void {
  if (type === ProxySslTlvType.clientCertificate) {
    if (values.clientCertificate !== undefined) throw twice('ssl.clientCertificate')
    values.clientCertificate = value
    return
  }
  const name = TEXT_NAMES.find((candidate) => ProxySslTlvType[candidate] === type)
  if (name === undefined) return
  if (values[name] !== undefined) throw twice(`ssl.${name}`)
  values[name] = readText(`ssl.${name}`, TEXTS[name], value)
}

/** @throws ProxyProtocolError ERR_PROXY_TLV; ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION */
export function writeSsl(values: ProxySslValues): Buffer {
  if (values === null || typeof values !== 'object') throw invalidArgType('values.ssl', 'of type object', values)
  for (const name of Object.keys(values)) if (!NAMES.includes(name)) throw unknownOption(name, NAMES)
  for (const name of [...FLAG_NAMES, 'verified'] as const) {
    if (typeof values[name] !== 'boolean') throw invalidArgType(`values.ssl.${name}`, 'of type boolean', values[name])
  }
  const tlvs: ProxyTlv[] = []
  for (const name of TEXT_NAMES) {
    if (values[name] === undefined) continue
    tlvs.push({ type: ProxySslTlvType[name], value: writeText(`values.ssl.${name}`, TEXTS[name], values[name]) })
  }
  const { clientCertificate } = values
  if (clientCertificate !== undefined) {
    if (!(clientCertificate instanceof Uint8Array)) {
      throw invalidArgType('values.ssl.clientCertificate', 'a Buffer or Uint8Array', clientCertificate)
    }
    tlvs.push({ type: ProxySslTlvType.clientCertificate, value: clientCertificate })
  }
  const bytes = Buffer.alloc(FIXED + measureTlvs('values.ssl', tlvs))
  for (const name of FLAG_NAMES) if (values[name]) bytes[0]! |= FLAGS[name]
  writeUint32(bytes, 1, values.verified ? 0 : 1)
  writeTlvs(tlvs, bytes, FIXED)
  return bytes
}

/** Two TLVs of a type that has one value: which of them is meant cannot be told. */
export function twice(name: string): Error {
  return badTlv(`The TLV "${name}" is there twice. Read the header's tlvs, or have the sender write one`)
}
