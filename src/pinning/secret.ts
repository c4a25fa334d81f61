import { invalidSecret, missingArgument } from '../errors.js'

/** Bytes of a secret, which is the key of HalfSipHash. */
const BYTES = 8

/**
 * Reads a secret. No error tells anything of it but its kind and length.
 *
 * @param name of it, for errors
 * @param secret 8 bytes, or 16 hexadecimal digits
 * @returns two signed words, the first bytes in the first and lowest
 * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_VALUE
 */
export function readSecret(name: string, secret: unknown): [number, number] {
  if (secret === undefined) throw missingArgument(name)
  const bytes = typeof secret === 'string' && /^[0-9a-f]{16}$/i.test(secret) ? Buffer.from(secret, 'hex') : secret
  if (!(bytes instanceof Uint8Array) || bytes.length !== BYTES) {
    throw invalidSecret(name, `${BYTES} bytes in a Uint8Array, or ${2 * BYTES} hexadecimal digits`, secret)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, BYTES)
  return [view.getInt32(0, true), view.getInt32(4, true)]
}
