import { z } from 'zod'
import { table, text } from './values.js'

const elsewhere = [
  table({
    file: text(/^[^\0]+$/, 'the path of a file').meta({
      description:
        'A file that has it, alone; a relative path begins at the folder of the config. White space at its end does not count.',
      examples: ['/etc/udp-dsr/secret'],
    }),
  }),
  table({
    env: text(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable').meta({
      description: 'An environment variable that has it.',
      examples: ['UDP_DSR_SECRET'],
    }),
  }),
] as const

/** Forms of what is read. */
export const SECRET = { pattern: /^[0-9a-fA-F]{16}$/, expected: '16 hexadecimal digits' }
export const PASSWORD = { pattern: /^.+$/s, expected: 'text' }

/** The secret of the fleet: where it is, or itself. */
export const secretSchema = z.union([text(SECRET.pattern, SECRET.expected), ...elsewhere], {
  error: '{ file = "…" }, { env = "…" } or 16 hexadecimal digits',
})

/** A password: where it is, or itself. */
export const passwordSchema = z.union([text(PASSWORD.pattern, PASSWORD.expected), ...elsewhere], {
  error: '{ file = "…" }, { env = "…" } or text',
})
