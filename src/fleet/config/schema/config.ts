import { z } from 'zod'
import { backendSchema } from './backend.js'
import { discoverySchema } from './discovery.js'
import { edgeSchema } from './edge.js'
import { poolSchema } from './pool.js'
import { rewriteSchema } from './rewrite.js'
import { secretSchema } from './secret.js'
import { serviceSchema } from './service.js'
import { list, name, share, table } from './values.js'

const removal = table({
  most: share()
    .default(0.5)
    .meta({ description: 'A removal of more than this share of a pool is held back until somebody agrees.' }),
})

/** All of a config. Descriptions are those of docs/config.md and of schema/udp-dsr.schema.json. */
export const configSchema = table({
  $schema: z.string({ error: 'text' }).optional().meta({ description: 'For editors, in JSON: where the schema is.' }),
  secret: secretSchema.optional().meta({
    description:
      'Key of the hash that spreads flows, the same on every edge: `openssl rand -hex 8`. In a file, in the environment, or itself. Edges need it.',
    examples: [{ file: '/etc/udp-dsr/secret' }],
  }),
  edge: edgeSchema
    .optional()
    .meta({ description: 'This host takes packets for VIPs and hands them to backends: docs/run-an-edge.md.' }),
  backend: backendSchema.optional().meta({ description: 'This host takes packets out of the edges’ tunnels.' }),
  rewrite: rewriteSchema.optional().meta({
    description:
      'On this host, replies of programs that know nothing of VIPs leave from the VIP that was asked: docs/fix-replies.md.',
  }),
  pools: z
    .record(name(), poolSchema, { error: 'a table of pools by their names' })
    .default({})
    .meta({ description: 'Backends that do the same work, by the name of their pool.' }),
  services: list(serviceSchema, 'services').default([]).meta({ description: 'Which datagrams go to which pool.' }),
  discovery: z
    .record(name(), discoverySchema, { error: 'a table of sources by their names' })
    .default({})
    .meta({ description: 'Where members of pools come from, by a name that pools have in `discover`.' }),
  removal: removal.prefault({}).meta({ description: 'What discovery may take away at once.' }),
})
