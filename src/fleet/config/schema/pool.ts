import { z } from 'zod'
import { TABLE_KINDS } from '../../../pinning/table.js'
import { healthSchema } from './health.js'
import { address, hexadecimal, integer, list, name, oneOf, table } from './values.js'

const LONGEST_ID = 255
const idForm = `text of 1 to ${LONGEST_ID} bytes in UTF-8`

/** Half of a pair of UTF-16 without the other half has no bytes of its own in UTF-8. */
const BROKEN_PAIR = /\p{Surrogate}/u

function isId(text: string): boolean {
  const length = Buffer.byteLength(text)
  return length >= 1 && length <= LONGEST_ID && !BROKEN_PAIR.test(text)
}

const backend = table({
  id: z
    .string({ error: idForm })
    .refine(isId, { error: idForm })
    .meta({ description: 'Its name, the same on every edge. Where its flows lie depends on it.', examples: ['a'] }),
  address: address().meta({
    description: 'Where it is, of either family whatever the clients have.',
    examples: ['10.0.0.7'],
  }),
  weight: integer(0, 65_535)
    .default(1)
    .meta({ description: 'Its share of the flows, in proportion to the other weights; with 0 it gets none.' }),
  state: oneOf(['up', 'draining', 'down'])
    .default('up')
    .meta({ description: 'What it may get: flows, none that are new, or nothing.' }),
  server_id: hexadecimal(1, 8)
    .optional()
    .meta({ description: 'With `quic_lb`: its server ID, in hexadecimal digits.', examples: ['c46e'] }),
})

const quicLb = table({
  config_ids: list(integer(0, 6), 'configuration IDs', 1).meta({
    description: 'Configurations in use.',
    examples: [[0]],
  }),
  server_id_length: integer(1, 8).meta({ description: 'Bytes of a server ID.', examples: [2] }),
})

const SIZE = 'a prime or a power of two from 2 to 1048576'

/** `[pools.NAME]` */
export const poolSchema = table({
  delivery: oneOf(['l2', 'ipip', 'gue', 'proxy']).meta({
    description:
      'How packets get to the backends: `l2` as they are, on the same segment; `ipip` and `gue` in a tunnel; `proxy` with a PROXY v2 header before the payload.',
    examples: ['ipip'],
  }),
  backends: list(backend, 'backends', 0, 65_535)
    .default([])
    .meta({ description: 'Members that are always there.', examples: [[{ id: 'a', address: '10.0.0.7' }]] }),
  discover: list(name(), 'names of [discovery.*]')
    .default([])
    .meta({ description: 'Names of `[discovery.*]` that members come from, beside `backends`.', examples: [['main']] }),
  table: oneOf(TABLE_KINDS)
    .default('bounded-rendezvous')
    .meta({ description: 'How flows are spread: docs/pinning.md compares the two.' }),
  table_size: integer(2, 2 ** 20)
    .refine(isTableSize, { error: SIZE })
    .optional()
    .meta({
      description:
        'Slots of the table, a prime or a power of two, at least one for each backend. Default: 65536, for `maglev` 65537.',
      examples: [65_536],
    }),
  source: address()
    .optional()
    .meta({
      description: 'Address of the edge that packets come from. Not for `l2`. Default: what the routing table says.',
      examples: ['10.0.0.2'],
    }),
  mtu: integer(576, 65_535)
    .optional()
    .meta({
      description:
        'Bytes of IP packet that the way to the backends takes. Default: the MTU of the interface that leads there.',
      examples: [1500],
    }),
  port: integer(1, 65_535)
    .optional()
    .meta({
      description:
        'UDP port: with `gue` where the tunnel ends, with `proxy` the server’s. Default: 6080; with `proxy` the one that the client used.',
      examples: [6080],
    }),
  vlan: integer(1, 4094)
    .optional()
    .meta({ description: '802.1Q tag of the backends’ segment. Default: none.', examples: [7] }),
  quic_lb: quicLb.optional().meta({
    description: 'How servers name themselves in QUIC connection IDs, for services with `quic`. Default: they do not.',
    examples: [{ config_ids: [0], server_id_length: 2 }],
  }),
  health: healthSchema.optional().meta({ description: 'How backends are checked. Default: they are not.' }),
})

function isTableSize(size: number): boolean {
  if ((size & (size - 1)) === 0) return true
  for (let divisor = 2; divisor * divisor <= size; divisor++) if (size % divisor === 0) return false
  return true
}
