import { z } from 'zod'
import { isMulticast, isUnspecified } from '../../../net/classify.js'
import { parseIPv4, parseIPv6 } from '../../../net/ip.js'

// The message of each schema is what messages of the config say after "must be". Checks of zod carry it, too: whichever of them
// fails, a user reads the whole of what is wanted.

/** @param low and `high` both included */
export function integer(low: number, high: number, error = `an integer from ${low} to ${high}`) {
  return z.int({ error }).min(low, { error }).max(high, { error })
}

/** @param low and `high` both included, powers of two */
export function powerOfTwo(low: number, high: number) {
  const error = `a power of two from ${low} to ${high}`
  return z
    .int({ error })
    .min(low, { error })
    .max(high, { error })
    .refine((value) => (value & (value - 1)) === 0, { error })
}

/** A part of a whole, 0 – 1. */
export function share() {
  const error = 'a number from 0 to 1'
  return z.number({ error }).min(0, { error }).max(1, { error })
}

export function flag() {
  return z.boolean({ error: 'true or false' })
}

export function oneOf<const Word extends string>(words: readonly Word[]) {
  return z.enum(words, { error: oneOfWords(words) })
}

export function oneOfWords(words: readonly string[]): string {
  return words.length === 1 ? `"${words[0]}"` : `one of ${words.map((word) => `"${word}"`).join(', ')}`
}

/**
 * Text of a form.
 *
 * @param error what fits after "must be"
 */
export function text(form: RegExp, error: string) {
  return z.string({ error }).regex(form, { error })
}

/** @param bytes that it may stand for, at least and at most */
export function hexadecimal(least: number, most: number) {
  const error =
    least === most ? `${2 * most} hexadecimal digits` : `${2 * least} to ${2 * most} hexadecimal digits, an even number`
  return text(new RegExp(`^(?:[0-9a-fA-F]{2}){${least},${most}}$`), error)
}

export function absolutePath() {
  return text(/^\/[^\0]*$/, 'an absolute path')
}

/** A name of the kernel's (dev_valid_name of net/core/dev.c): at most 15 bytes. */
export function interfaceName() {
  return text(/^(?!\.{1,2}$)[^\s/:\0]{1,15}$/, 'the name of a network interface')
}

/** Names of pools and of [discovery.*], which are parts of keys in etcd, too. */
export function name() {
  return text(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/,
    'a name of 1 to 255 letters, digits, dots, hyphens and underscores that begins with a letter or digit',
  )
}

/** Bytes of an IPv6 address. */
const BYTES = 16

/** The address of one host, IPv4 or IPv6: what `Forwarder` takes. */
export function address() {
  const error = 'the IPv4 or IPv6 address of one host'
  return z
    .string({ error })
    .refine(isHost, { error })
    .meta({ title: 'address', anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] })
}

function isHost(text: string): boolean {
  const bytes = new Uint8Array(BYTES)
  if (parseIPv4(text, bytes, 12)) bytes.fill(0xff, 10, 12)
  else if (!parseIPv6(text, bytes, 0)) return false
  return !isMulticast(bytes, 0, 6) && !isUnspecified(bytes, 0, 6)
}

/**
 * A table that has these keys and no others.
 *
 * @param shape all of its keys
 */
export function table<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(KEY_SEPARATOR)
  return z.strictObject(shape, { error: ({ code }) => (code === 'unrecognized_keys' ? known : 'a table') })
}

/** Between the keys of a table in the message about one that it does not have. No key has it in it. */
export const KEY_SEPARATOR = ', '

/**
 * @param what it lists: `addresses`
 * @param least number of elements
 */
export function list<Element extends z.ZodType>(element: Element, what: string, least = 0, most?: number) {
  const counted = most !== undefined ? `, ${least} to ${most}` : least > 0 ? `, at least ${least}` : ''
  const error = `a list of ${what}${counted}`
  const array = z.array(element, { error })
  if (most !== undefined) return array.min(least, { error }).max(most, { error })
  return least > 0 ? array.min(least, { error }) : array
}
