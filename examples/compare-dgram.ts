// The bug and the cure side by side, on loopback: the same echo through node:dgram and through udp-dsr, asked at
// several addresses by a client that, as all careful clients do, takes an answer only from the address it asked.
//
//   npx tsx examples/compare-dgram.ts [PORT]        (udp-dsr on PORT, node:dgram on PORT + 1; default: any)

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { PktInfoSocket } from 'udp-dsr'

const VIPS = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.1.2.3']
const PATIENCE_MS = 300

const port = Number(process.argv[2] ?? 0)

const fixed = await PktInfoSocket.bind({ type: 'udp4', port })
fixed.on('message', (msg, rinfo) => fixed.reply(msg, rinfo))

const plain = createSocket('udp4', (msg, rinfo) => plain.send(msg, rinfo.port, rinfo.address))
plain.bind(port === 0 ? 0 : port + 1)
await once(plain, 'listening')

/** Asks `vip`; resolves with the address that the answer came from, whatever it is. */
async function whoAnswers(vip: string, serverPort: number): Promise<string> {
  const client = createSocket('udp4')
  client.send('hello', serverPort, vip)
  const [, rinfo] = await once(client, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
  client.close()
  return rinfo.address
}

/** Asks `vip` from a connected socket, to which the kernel passes datagrams of that one peer only. */
async function isAnswered(vip: string, serverPort: number): Promise<boolean> {
  const client = createSocket('udp4')
  client.connect(serverPort, vip)
  await once(client, 'connect')
  client.send('hello')
  const answer = once(client, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
  const answered = await answer.then(
    () => true,
    () => false,
  )
  client.close()
  return answered
}

async function row(server: string, vip: string, serverPort: number): Promise<string> {
  const [from, answered] = await Promise.all([whoAnswers(vip, serverPort), isAnswered(vip, serverPort)])
  return [server.padEnd(13), vip.padEnd(12), from.padEnd(15), answered ? '✓ answered' : '✗ no answer'].join('')
}

console.log('server       asked at    answers from   a client that asked there sees')
for (const vip of VIPS) console.log(await row('node:dgram', vip, plain.address().port))
for (const vip of VIPS) console.log(await row('udp-dsr', vip, fixed.address().port))
console.log(`
Both servers are bound to the wildcard address. node:dgram cannot say which address an answer is from, so the kernel
picks one (127.0.0.1: right by luck, once). udp-dsr learns with each datagram which address it came to, and answers
from there.`)

plain.close()
fixed.close()
