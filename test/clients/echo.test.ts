// socat and OpenBSD's nc: connected sockets, which get an answer only from where they sent to.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Program, run, whyMissing } from './programs.js'
import { ADDRESSES, type Respond, serve, serveDgram, WAYS } from './servers.js'

const LINE = 'hello\n'
const respond: Respond = (message, asked) => Buffer.from(`${asked} says ${Buffer.from(message)}`)

const clients = [
  {
    program: 'socat',
    // -t: seconds to wait for the answer after the end of the input.
    args: (address: string, port: number) => [
      '-t',
      '1',
      '-',
      address.includes(':') ? `UDP6:[${address}]:${port}` : `UDP4:${address}:${port}`,
    ],
  },
  {
    program: 'nc.openbsd',
    // -W: datagrams to receive; -w: seconds to wait for them.
    args: (address: string, port: number) => ['-u', '-W', '1', '-w', '1', address, `${port}`],
  },
] as const satisfies readonly { program: Program; args: unknown }[]

let close = () => {}
afterEach(() => close())

describe.each(clients)('$program', ({ program, args }) => {
  beforeEach((context) => {
    const missing = whyMissing(program)
    if (missing) context.skip(missing)
  })

  test.each(WAYS)('is answered at every address (%s)', async (way) => {
    const socket = await serve(way, respond)
    close = () => socket.close()
    const { port } = socket.address()
    const printed = await Promise.all(
      ADDRESSES.map(async (address) => (await run(program, args(address, port), LINE)).stdout),
    )
    expect(printed).toEqual(ADDRESSES.map((address) => `${address} says ${LINE}`))
  })

  test('gets nothing from node:dgram where that answers from another address', async () => {
    const socket = await serveDgram(respond)
    close = () => socket.close()
    const { port } = socket.address()
    const ask = async (address: string) => (await run(program, args(address, port), LINE)).stdout
    expect(await Promise.all(['127.0.0.1', '127.0.0.2'].map(ask))).toEqual([`unknown says ${LINE}`, ''])
  })
})
