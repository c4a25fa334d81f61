import { z } from 'zod'
import { passwordSchema } from './secret.js'
import { address, integer, list, oneOf, oneOfWords, table, text } from './values.js'

const TYPES = ['file', 'dns', 'etcd'] as const

const kind = <const Name extends (typeof TYPES)[number]>(name: Name) => z.literal(name, { error: oneOfWords(TYPES) })

const path = () => text(/^[^\0]+$/, 'the path of a file')

const tls = table({
  ca: path()
    .optional()
    .meta({
      description: 'Certificates of the authorities that are trusted (PEM). Default: those of Node.',
      examples: ['/etc/udp-dsr/ca.pem'],
    }),
  cert: path()
    .optional()
    .meta({ description: 'Own certificate (PEM), with `key`. Default: none.', examples: ['/etc/udp-dsr/edge.pem'] }),
  key: path()
    .optional()
    .meta({ description: 'Its private key (PEM). Default: none.', examples: ['/etc/udp-dsr/edge.key'] }),
})

/** `[discovery.NAME]` */
export const discoverySchema = z.discriminatedUnion(
  'type',
  [
    table({
      type: kind('file').meta({ description: 'Members are in a file, which is watched.' }),
      path: path().meta({
        description: 'A file of JSON; a relative path begins at the folder of the config.',
        examples: ['/etc/udp-dsr/members.json'],
      }),
    }),
    table({
      type: kind('dns').meta({ description: 'Members are the addresses of a name.' }),
      name: text(/^(?=.{1,253}\.?$)(?:[^\s.]{1,63}\.)*[^\s.]{1,63}\.?$/, 'a domain name').meta({
        description: 'The name that is looked up.',
        examples: ['backends.example.org'],
      }),
      record: oneOf(['A/AAAA', 'SRV']).default('A/AAAA').meta({ description: 'Which records are asked for.' }),
      servers: list(address(), 'addresses', 1)
        .optional()
        .meta({ description: 'Resolvers to ask. Default: those of the host.', examples: [['10.0.0.53']] }),
      interval: integer(1, 86_400)
        .default(30)
        .meta({ description: 'Seconds between two look-ups where the records do not say how long they hold.' }),
    }),
    table({
      type: kind('etcd').meta({ description: 'Members are keys of an etcd, version 3.4 or newer.' }),
      endpoints: list(
        text(/^https?:\/\/[^\s/?#@]+\/?$/, 'an address like "https://10.0.1.1:2379"'),
        'addresses',
        1,
      ).meta({
        description: 'Its members; one after the other is tried.',
        examples: [['https://10.0.1.1:2379']],
      }),
      prefix: text(/^\/[^\0]*[^/\0]$/, 'text that begins with / and does not end with it')
        .default('/udp-dsr')
        .meta({ description: 'What the keys begin with.' }),
      user: text(/^.+$/s, 'text')
        .optional()
        .meta({ description: 'User, with `password`. Default: none.', examples: ['edge'] }),
      password: passwordSchema.optional().meta({
        description: 'Its password: in a file, in the environment, or itself. Default: none.',
        examples: [{ env: 'ETCD_PASSWORD' }],
      }),
      tls: tls.optional().meta({
        description: 'For endpoints with https.',
        examples: [{ ca: '/etc/udp-dsr/ca.pem' }],
      }),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? oneOfWords(TYPES) : 'a table') },
)
