import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Command, InvalidArgumentError } from 'commander'
import { PktInfoSocket } from '../../socket/index.js'
import { action } from '../context.js'
import { table } from '../table.js'

/** Datagrams that are under way at once, and bytes of each. */
const WINDOW = 128
const PAYLOAD = 64
const ROUNDS = 3

interface Echo {
  name: string
  /** Answers a second, median of the rounds. */
  rate: number
  /** Nanoseconds of CPU time of this process for each, both ends and the client, median. */
  cpu: number
}

export function benchCommand(program: Command): void {
  program
    .command('bench')
    .description('an echo on loopback: PktInfoSocket beside node:dgram, on this machine')
    .option(
      '--seconds <n>',
      'of each measurement',
      (text) => {
        const seconds = Number(text)
        if (!(seconds >= 0.1 && seconds <= 60)) throw new InvalidArgumentError('must be 0.1 to 60')
        return seconds
      },
      1,
    )
    .action(
      action(async (output, { seconds }: { seconds: number }) => {
        const runs = new Map<string, { rate: number; cpu: number }[]>()
        for (let round = 0; round < ROUNDS; round++) {
          for (const [name, serve] of Object.entries(SERVERS)) {
            if (process.stderr.isTTY) process.stderr.write(`\rround ${round + 1} of ${ROUNDS}, ${name} …\x1b[K`)
            const run = await measure(serve, seconds)
            runs.set(name, [...(runs.get(name) ?? []), run])
          }
        }
        if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
        const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
        const echoes = [...runs].map(
          ([name, its]): Echo => ({
            name,
            rate: Math.round(middle(its.map(({ rate }) => rate))),
            cpu: Math.round(middle(its.map(({ cpu }) => cpu))),
          }),
        )
        const base = echoes.find(({ name }) => name === 'node:dgram')!
        output.tell(echoes, () => {
          const rows = echoes.map(({ name, rate, cpu }) => [
            name,
            String(rate),
            (rate / base.rate).toFixed(2),
            String(cpu),
          ])
          return table([['echo', 'answers/s', 'to node:dgram', 'ns of CPU each'], ...rows], [1, 2, 3])
        })
      }),
    )
}

type Serve = () => Promise<{ port: number; close(): void }>

const SERVERS: Readonly<Record<string, Serve>> = {
  'node:dgram': async () => {
    const socket = createSocket('udp4')
    socket.on('message', (message, { port, address }) => socket.send(message, port, address))
    await once(socket.bind(0, '127.0.0.1'), 'listening')
    return { port: socket.address().port, close: () => socket.close() }
  },
  'PktInfoSocket, message': async () => {
    const socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
    socket.on('message', (message, rinfo) => socket.reply(message, rinfo))
    return { port: socket.address().port, close: () => void socket.close() }
  },
  'PktInfoSocket, batch': async () => {
    const socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
    })
    return { port: socket.address().port, close: () => void socket.close() }
  },
}

/** The client is the same for all of them. */
async function measure(serve: Serve, seconds: number): Promise<{ rate: number; cpu: number }> {
  const server = await serve()
  const client = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
  const question = Buffer.alloc(PAYLOAD)
  let answers = 0
  const ask = (count: number) => {
    for (let i = 0; i < count; i++) client.send(question, server.port, '127.0.0.1')
  }
  client.on('batch', (batch) => {
    answers += batch.length
    ask(batch.length)
  })
  const start = process.hrtime.bigint()
  const before = process.cpuUsage()
  ask(WINDOW)
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
  const { user, system } = process.cpuUsage(before)
  const elapsed = Number(process.hrtime.bigint() - start) / 1e9
  const counted = answers
  await new Promise<void>((closed) => client.close(closed))
  server.close()
  return { rate: counted / elapsed, cpu: ((user + system) * 1000) / Math.max(1, counted) }
}
