import { invalidArgValue } from '../errors.js'

/** Bytes from hexadecimal digits. @throws ArgumentTypeError ERR_INVALID_ARG_VALUE */
export function parseHex(name: string, text: string): Buffer {
  if (!/^([0-9a-f]{2})+$/i.test(text))
    throw invalidArgValue(name, 'must be hexadecimal digits, two for each byte', text)
  return Buffer.from(text, 'hex')
}
