// Runs every example as its user would, and asks it.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import net, { isIPv6 } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run, whyMissing } from '../clients/programs.js'
import { ADDRESSES } from '../clients/servers.js'
import { Example } from './example.js'

const folder = new URL('../../examples/', import.meta.url)
const PATIENCE_MS = 3000

/** Port 0: the kernel chooses, and the example says which. */
const ANY_PORT = '0'

const started: Example[] = []
function start(name: string, args: readonly string[] = [ANY_PORT]): Example {
  const example = new Example(name, args)
  started.push(example)
  return example
}
afterEach(() => {
  for (const example of started.splice(0)) example.kill()
})

/** Asks from a connected socket, which takes an answer only from where it asked. */
async function ask(address: string, port: number, question: string): Promise<string> {
  const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  try {
    socket.connect(port, address)
    await once(socket, 'connect')
    socket.send(question)
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return answer.toString()
  } finally {
    socket.close()
  }
}

const v4 = ADDRESSES.filter((address) => !isIPv6(address))

describe.each(['echo.ts', 'echo-batch.ts'])('%s', (name) => {
  test('echoes from the address asked, until Ctrl-C', async () => {
    const example = start(name)
    const port = Number((await example.says(/on 0\.0\.0\.0:(\d+)/))[1])
    const answers = await Promise.all(v4.map((address) => ask(address, port, `hello ${address}`)))
    expect(answers).toEqual(v4.map((address) => `hello ${address}`))
    await example.says(name === 'echo.ts' ? /sent 15 bytes to 127\.0\.0\.2/ : /\d+ datagrams\/s/)
    expect(await example.interrupt()).toBe(0)
  })
})

test('multi-vip.ts tells which VIP was asked, until Ctrl-C', async () => {
  const example = start('multi-vip.ts')
  const port = Number((await example.says(/on port (\d+)/))[1])
  const known: Record<string, string> = {
    '127.0.0.1': 'alpha',
    '127.0.0.2': 'beta',
    '127.0.0.3': 'gamma',
    '::1': 'delta',
  }
  const answers = await Promise.all(ADDRESSES.map((address) => ask(address, port, '?')))
  expect(answers).toEqual(ADDRESSES.map((address) => `you asked ${address}, which is ${known[address] ?? 'nobody'}\n`))
  expect(await example.interrupt()).toBe(0)
})

// Behind a real dnsdist: test/proxy/udp/dnsdist.test.ts.
describe('dns-behind-dnsdist.ts', () => {
  beforeEach((context) => {
    const missing = whyMissing('kdig')
    if (missing) context.skip(missing)
  })

  const V4 = '+proxy=203.0.113.7#4242-198.51.100.1#53'
  const V6 = '+proxy=2001:db8::7#4242-2001:db8::53#53'

  async function kdig(port: number, ...question: string[]) {
    const { stdout } = await run('kdig', ['@127.0.0.1', '-p', `${port}`, '+timeout=2', '+retry=0', ...question])
    return {
      status: /status: (\w+)/.exec(stdout)?.[1],
      records: [...stdout.matchAll(/^whoami\.example\..*\tIN\t(.*)$/gm)].map(([, record]) => record),
    }
  }

  test('tells who asks, by the word of a trusted proxy, until Ctrl-C', async () => {
    const example = start('dns-behind-dnsdist.ts')
    const port = Number((await example.says(/on 0\.0\.0\.0:(\d+)/))[1])
    const whoami = (...options: string[]) => kdig(port, 'whoami.example', ...options)
    const empty = { status: 'NOERROR', records: [] }

    expect(await whoami('A', V4)).toEqual({ status: 'NOERROR', records: ['A\t203.0.113.7'] })
    expect(await whoami('AAAA', V6)).toEqual({ status: 'NOERROR', records: ['AAAA\t2001:db8::7'] })
    expect(await whoami('TXT', V4)).toEqual({
      status: 'NOERROR',
      records: ['TXT\t"client 203.0.113.7 port 4242" "via 127.0.0.1, asked at 198.51.100.1 port 53"'],
    })
    expect(await whoami('AAAA', V4)).toEqual(empty)
    expect(await whoami('A', V6)).toEqual(empty)
    expect(await whoami('MX', V4)).toEqual(empty)
    expect(await kdig(port, 'WhoAmI.Example', 'MX', V4)).toEqual(empty)

    expect(await kdig(port, 'nobody.example', V4)).toMatchObject({ status: 'NXDOMAIN' })
    expect(await kdig(port, 'whoami.example.org', V4)).toMatchObject({ status: 'REFUSED' })
    expect(await kdig(port, '-c', 'CH', 'whoami.example', V4)).toMatchObject({ status: 'REFUSED' })
    expect(await whoami('-b', '127.0.0.9', V4, '+timeout=1')).toEqual({ status: undefined, records: [] })
    expect(await whoami('A')).toEqual({ status: undefined, records: [] })
    await example.says(
      /203\.0\.113\.7:4242 asks whoami\.example TXT, via 127\.0\.0\.1, asked at 198\.51\.100\.1 port 53/,
    )
    expect(await example.interrupt()).toBe(0)
  })
})

test('compare-dgram.ts shows the bug and the cure', async () => {
  const example = start('compare-dgram.ts')
  expect(await example.ended()).toBe(0)
  const rows = example.printed.match(/^(node:dgram|udp-dsr) .*[✓✗].*$/gm)
  expect(rows?.map((row) => row.split(/ +/).slice(0, 4))).toEqual([
    ['node:dgram', '127.0.0.1', '127.0.0.1', '✓'],
    ['node:dgram', '127.0.0.2', '127.0.0.1', '✗'],
    ['node:dgram', '127.0.0.3', '127.0.0.1', '✗'],
    ['node:dgram', '127.1.2.3', '127.0.0.1', '✗'],
    ['udp-dsr', '127.0.0.1', '127.0.0.1', '✓'],
    ['udp-dsr', '127.0.0.2', '127.0.0.2', '✓'],
    ['udp-dsr', '127.0.0.3', '127.0.0.3', '✓'],
    ['udp-dsr', '127.1.2.3', '127.1.2.3', '✓'],
  ])
})

test('pinning.ts: edges agree, weights count, and who drains keeps what it has', async () => {
  const example = start('pinning.ts', [])
  expect(await example.ended()).toBe(0)
  const { printed } = example
  const [, digest, other] = /^The edges' tables: ([0-9a-f]{16}) and ([0-9a-f]{16})$/m.exec(printed) ?? []
  expect(digest).toBe(other)
  expect(printed).toMatch(/^Clients that they send to different backends: 0$/m)
  const shares = [...printed.matchAll(/has ([\d.]+) %$/gm)].map(([, share]) => Math.round(Number(share) / 5) * 5)
  expect(shares).toEqual([25, 25, 50])
  expect(printed).toMatch(/^10\.0\.0\.2 drains: 2[45]\.\d % of new clients go elsewhere$/m)
  expect(printed).toMatch(
    /^203\.0\.\S+, key cb0071\w{6}: slot \d+ belongs to (\S+); 10\.0\.0\.2:60002 had it and is draining/m,
  )
  expect(printed).toMatch(/one it has already to 10\.0\.0\.2:60002$/m)
  expect(printed).not.toContain('5f0c1d7e')
})

test('rtp-pairs.ts: each call has an even port and the next, nobody too many, and all come back', async () => {
  const example = start('rtp-pairs.ts', ['20980', '20991'])
  expect(await example.ended()).toBe(0)
  const { printed } = example
  const calls = [
    ...printed.matchAll(/^Call (\d): RTP on (\d+) brought "media \1", RTCP on (\d+) "report \1 received"$/gm),
  ]
  const pairs = calls.map(([, , rtp, rtcp]) => [Number(rtp), Number(rtcp)] as const)
  expect(new Set(pairs.flat()).size).toBe(10)
  for (const [rtp, rtcp] of pairs) expect([rtp % 2, rtcp]).toEqual([0, rtp + 1])
  expect(printed).toMatch(/^Only 2 of 12 ports are free$/m)
  expect(printed).toMatch(/^No more: 'caller 1' holds 4 ports, may hold 4, and asked for 2 more/m)
  expect(printed).toMatch(/^All but one have hung up: 2 ports leased, 10 in quarantine, 0 free$/m)
  expect(printed).toContain(`Port ${pairs[0]![0]} can be had again`)
  expect(printed).toMatch(/udp dport \{ 20980-20991 \} accept/)
})

test('port-plan.ts tells who owns a port, and each node its ports; its picture is that of the docs', async () => {
  const example = start('port-plan.ts', [])
  expect(await example.ended()).toBe(0)
  const { printed } = example
  expect(printed).toMatch(/^B sea-2 \(sea\) +6,666 ports: 13334–19999$/m)
  expect([...printed.matchAll(/^Port (\d+) (.*)$/gm)].map(([, port, whose]) => [port, whose])).toEqual([
    ['443', 'follows the default'],
    ['15000', 'belongs to sea-2 (line 2)'],
    ['24100', 'belongs to recorder (line 19)'],
    ['33000', 'belongs to fra (line 14)'],
  ])
  const windows = [...printed.matchAll(/^ {2}port_range_start: (\d+)\n {2}port_range_end: (\d+)$/gm)]
  expect(windows.map(([, low, high]) => `${low}-${high}`).sort()).toEqual([
    ...['10000-13333', '13334-19999', '20000-23999', '24000-24499', '25000-29999', '32768-45055'],
  ])
  expect(printed).toMatch(/^table inet udp_dsr_ports \{$/m)
  const picture = start('port-plan.ts', ['--svg'])
  expect(await picture.ended()).toBe(0)
  expect(picture.printed).toBe(readFileSync(new URL('../docs/port-ranges.svg', folder), 'utf8'))
})

test('egress-agent.ts: a few local ports serve many destinations, over TCP, HTTP and UDP', async () => {
  const example = start('egress-agent.ts', [])
  expect(await example.ended()).toBe(0)
  const { printed } = example
  expect(printed.match(/^ {2}16 connections to port \d+ from 16 ports$/gm)).toHaveLength(3)
  expect(printed).toMatch(/^ {2}one more to the first: ERR_PORTS_EXHAUSTED$/m)
  const seen = [...printed.matchAll(/seen by port (\d+): port (400(?:0\d|1[0-5]))$/gm)].map(([, ...ports]) => ports)
  expect(seen).toHaveLength(6)
  expect(seen[1]).toEqual(seen[0]) // kept alive
  expect(printed).toMatch(/^ {2}hello from port 400\d\d$/m)
  expect(printed).toMatch(/^ {2}the same ends again: ERR_TUPLE_IN_USE$/m)
})

// Behind real proxies, a server like this one: test/proxy/programs/.
test('proxy-tcp.ts tells each client who it is, and refuses who brings no header, until Ctrl-C', async () => {
  const example = start('proxy-tcp.ts')
  const port = Number((await example.says(/on 127\.0\.0\.1:(\d+)/))[1])
  await example.says(/^203\.0\.113\.7:50000 came through the proxy 127\.0\.0\.1$/m)
  await example.says(/told: You are 203\.0\.113\.7:50000/)
  const say = async (beginning: string) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.write(beginning)
    let answer = ''
    for await (const part of socket) answer += part
    return answer
  }
  expect(await say('PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n')).toBe('You are 2001:db8::7:4711\n')
  expect(await say('GET / HTTP/1.1\r\n')).toBe('')
  await example.says(/^Refused 127\.0\.0\.1: .*begins with 474554/m)
  expect(await example.interrupt()).toBe(0)
})

test('every example has a test in this folder, and a line in the README', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const here = new URL('.', import.meta.url)
  const tests = readdirSync(here)
    .map((name) => readFileSync(new URL(name, here), 'utf8'))
    .join('\n')
  const readme = readFileSync(new URL('README.md', folder), 'utf8')
  expect(files.filter((name) => !tests.includes(`'${name}'`))).toEqual([])
  expect(files.filter((name) => !readme.includes(`(${name})`))).toEqual([])
})
