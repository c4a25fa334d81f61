// Two of the registering echoes and the edge's view of them, with a real etcd.

import { afterEach, expect, test } from 'vitest'
import { EtcdServers, whyNoEtcd } from '../discovery/etcd-server.js'
import { Example } from './example.js'

const started: Example[] = []
let servers: EtcdServers | undefined
afterEach(async () => {
  for (const example of started.splice(0)) example.kill()
  await servers?.remove()
})

test('register.ts is in the pool, drains on Ctrl-C, and is gone', async (context) => {
  const why = whyNoEtcd()
  if (why !== undefined) context.skip(why)
  servers = await EtcdServers.start()
  const [endpoint] = servers.endpoints as [string]
  for (const id of ['a', 'b']) started.push(new Example('register.ts', [endpoint, '127.0.0.1', id, '0']))
  const [a, b] = started as [Example, Example]
  await a.says(/: a at 127\.0\.0\.1 up, b at 127\.0\.0\.1 up$/m)
  // From here on it takes signals.
  await b.says(/: a at .* up, b at .* up$/m)
  expect(await b.interrupt()).toBe(0)
  await a.says(/: a at 127\.0\.0\.1 up, b at 127\.0\.0\.1 draining$/m)
  await a.says(/draining\n[0-9a-f]{32}: a at 127\.0\.0\.1 up$/m)
  expect(await a.interrupt()).toBe(0)
}, 60_000)
