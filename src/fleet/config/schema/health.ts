import { z } from 'zod'
import { HEALTH_DEFAULTS } from '../../health/options.js'
import { hexadecimal, integer, oneOfWords, share, table, text } from './values.js'

const CHECKS = ['udp', 'stun', 'dns', 'tcp', 'http'] as const

/** Milliseconds: an hour. */
const LONGEST = 3_600_000
/** Bytes, as `HealthMonitor` takes them: they pass every path. */
const PAYLOAD = 1200
/** Milliseconds: a day. */
const DAY = 86_400_000

const flaps = table({
  falls: integer(2, 100)
    .default(HEALTH_DEFAULTS.flaps.falls)
    .meta({ description: 'How often it may not go down within `window`.' }),
  window: integer(1000, DAY).default(HEALTH_DEFAULTS.flaps.window).meta({ description: 'Milliseconds.' }),
  hold: integer(1000, DAY)
    .default(HEALTH_DEFAULTS.flaps.hold)
    .meta({ description: 'Milliseconds that it stays out the first time; twice as long each time that follows soon.' }),
  longest: integer(1000, DAY)
    .default(HEALTH_DEFAULTS.flaps.longest)
    .meta({ description: 'Bound of that, in milliseconds, not less than `hold`.' }),
})

/** What every check has. */
const common = {
  port: integer(1, 65_535).meta({ description: 'Port of the backend that is asked.', examples: [53] }),
  interval: integer(100, LONGEST)
    .default(2000)
    .meta({ description: 'Milliseconds from one check of a backend to its next.' }),
  fast_interval: integer(100, LONGEST)
    .optional()
    .meta({
      description:
        'The same while a backend is about to change: some checks in a row failed, or succeeded, and not yet enough. Default: a quarter of `interval`.',
      examples: [500],
    }),
  timeout: integer(10, LONGEST)
    .default(500)
    .meta({ description: 'Milliseconds after which a check has failed; less than `interval` and `fast_interval`.' }),
  rise: integer(1, 100).default(2).meta({ description: 'Successes in a row that bring a backend back.' }),
  fall: integer(1, 100).default(3).meta({ description: 'Failures in a row that take it out.' }),
  floor: share()
    .default(0.5)
    .meta({ description: 'Share of the pool’s backends that are never taken out, whatever the checks say.' }),
  flaps: flaps.prefault({}).meta({
    description: 'A backend that comes and goes more often than this stays out longer.',
    examples: [{ falls: 4, window: 60_000 }],
  }),
}

const kind = <const Name extends (typeof CHECKS)[number]>(name: Name) => z.literal(name, { error: oneOfWords(CHECKS) })

/** `[pools.NAME.health]` */
export const healthSchema = z.discriminatedUnion(
  'check',
  [
    table({
      check: kind('udp').meta({ description: 'Sends a datagram, and wants a reply.' }),
      ...common,
      payload: hexadecimal(0, PAYLOAD)
        .default('')
        .meta({ description: 'What is sent, in hexadecimal digits.', examples: ['70696e67'] }),
      expect: hexadecimal(0, PAYLOAD)
        .default('')
        .meta({
          description: 'What the reply begins with, in hexadecimal digits; empty: any reply will do.',
          examples: ['706f6e67'],
        }),
    }),
    table({ check: kind('stun').meta({ description: 'Sends a STUN binding request (RFC 8489).' }), ...common }),
    table({
      check: kind('dns').meta({ description: 'Asks for a name.' }),
      ...common,
      name: text(/^(?=.{1,253}\.?$)(?:[^\s.]{1,63}\.)*[^\s.]{1,63}\.?$|^\.$/, 'a domain name').meta({
        description: 'The name that is asked for.',
        examples: ['example.org'],
      }),
    }),
    table({ check: kind('tcp').meta({ description: 'Connects.' }), ...common }),
    table({
      check: kind('http').meta({ description: 'Asks by GET, over HTTP.' }),
      ...common,
      path: text(/^\/[\x21-\x7e]*$/, 'a path that begins with /')
        .default('/')
        .meta({ description: 'What is asked for.', examples: ['/healthz'] }),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? oneOfWords(CHECKS) : 'a table') },
)
