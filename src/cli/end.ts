import { isIP } from 'node:net'
import { invalidArgValue } from '../errors.js'

/** `203.0.113.2:40695` or `[2001:db8::2]:40695`. @throws ArgumentTypeError ERR_INVALID_ARG_VALUE */
export function parseEnd(name: string, text: string): { address: string; port: number } {
  const [, six, four, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const address = six ?? four
  const port = Number(digits)
  if (address === undefined || isIP(address) !== (six === undefined ? 4 : 6) || port < 1 || port > 65_535) {
    throw invalidArgValue(name, "must be an address and a port, '203.0.113.2:40695' or '[2001:db8::2]:40695'", text)
  }
  return { address, port }
}
