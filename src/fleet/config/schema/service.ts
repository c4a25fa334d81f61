import { z } from 'zod'
import { AFFINITIES } from '../../../pinning/flow-key.js'
import { address, flag, integer, list, name, oneOf, table, text } from './values.js'

const PORT = 'a port from 1 to 65535, or a range like "10000-19999"'

const port = z
  .union(
    [
      integer(1, 65_535, PORT),
      text(/^\d{1,5}-\d{1,5}$/, PORT).refine((range) => portRange(range) !== undefined, { error: PORT }),
    ],
    {
      error: PORT,
    },
  )
  .meta({ title: 'port or range' })

/** First and last port of `53` or `'10000-19999'`; undefined when there are no such ports. */
export function portRange(port: number | string): [low: number, high: number] | undefined {
  if (typeof port === 'number') return [port, port]
  const [low, high] = port.split('-').map(Number) as [number, number]
  return low >= 1 && low <= high && high <= 65_535 ? [low, high] : undefined
}

/** An entry of `[[services]]` */
export const serviceSchema = table({
  name: text(/^.{1,255}$/s, 'text of 1 to 255 characters').meta({
    description: 'For statistics and messages; its own among the services.',
    examples: ['dns'],
  }),
  vips: list(address(), 'addresses', 1).meta({
    description: 'Addresses that clients send to.',
    examples: [['198.51.100.2', '2001:db8:51::2']],
  }),
  ports: list(port, 'ports and ranges', 1).meta({
    description: 'Ports, and ranges of them, both ends included. No port of a VIP is in two services.',
    examples: [[53, '10000-19999']],
  }),
  pool: name().meta({ description: 'The pool that gets the datagrams.', examples: ['dns'] }),
  affinity: oneOf(AFFINITIES)
    .default('client-ip-port')
    .meta({ description: 'Which datagrams stay together: docs/pinning.md.' }),
  fragments: flag().default(false).meta({
    description:
      'Whether fragments are forwarded. Needs the affinity `client-ip`; one service of a VIP can have it; not with the delivery `proxy`.',
  }),
  flow_table: flag().default(false).meta({
    description: 'Whether flows stay with their backend when the pool changes. Needs `flow_table` of `[edge]`.',
  }),
  quic: flag().default(false).meta({
    description:
      'Whether datagrams go to the backend that their QUIC connection ID names. Needs `quic` of `[edge]` and `quic_lb` of the pool.',
  }),
  learn_ports: flag().default(false).meta({
    description:
      'Whether a backend owns the ports of the VIP that it sends from. Needs `return_path` and `flow_table` of `[edge]`, and `return = "edge"` of the backends.',
  }),
  echo: flag().default(true).meta({ description: 'Whether the edge answers echo requests to the VIPs.' }),
})
