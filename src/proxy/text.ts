import { invalidArgType } from '../errors.js'
import { badTlv } from './write.js'

/** How the values of TLVs are text. Each reads back exactly what it wrote. */
export type TextEncoding =
  /** Any bytes, each a character: identifiers of ALPN, which need not be text (RFC 7301 §3.1). */
  'latin1' | 'ascii' | 'utf8'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @param name of the value, for errors. @throws ProxyProtocolError ERR_PROXY_TLV */
export function readText(name: string, encoding: TextEncoding, value: Buffer): string {
  if (encoding === 'utf8') {
    try {
      return utf8.decode(value)
    } catch {
      throw badTlv(`The TLV "${name}" is ${value.toString('hex', 0, 32)}, which is no UTF-8. Its sender is at fault`)
    }
  }
  const text = value.toString('latin1')
  if (encoding === 'ascii' && !isAscii(text)) {
    throw badTlv(`The TLV "${name}" is ${value.toString('hex', 0, 32)}, which is no US-ASCII. Its sender is at fault`)
  }
  return text
}

/** @throws ProxyProtocolError ERR_PROXY_TLV; ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function writeText(name: string, encoding: TextEncoding, text: unknown): Buffer {
  if (typeof text !== 'string') throw invalidArgType(name, 'of type string', text)
  const bytes = Buffer.from(text, encoding === 'utf8' ? 'utf8' : 'latin1')
  if (readBack(encoding, bytes) === text && (encoding !== 'ascii' || isAscii(text))) return bytes
  const names = { latin1: 'characters up to U+00FF', ascii: 'US-ASCII', utf8: 'well-formed Unicode' }
  throw badTlv(`"${name}" is ${JSON.stringify(text.slice(0, 64))}, and must be ${names[encoding]}`)
}

function readBack(encoding: TextEncoding, bytes: Buffer): string {
  return bytes.toString(encoding === 'utf8' ? 'utf8' : 'latin1')
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
