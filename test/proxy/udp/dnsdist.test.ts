// dnsdist writes a version 2 header before each datagram, and takes answers without one.

import { PktInfoSocket } from 'udp-dsr'
import { decode, encode, type ProxyHeader, readTlvs } from 'udp-dsr/proxy'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { answerQuery } from '../../../examples/demo/dns.js'
import { Example } from '../../examples/example.js'
import { freePort } from '../programs/kit.js'
import {
  Client,
  clientIs,
  dig,
  hasIPv6,
  healthChecks,
  kdig,
  need,
  PROXY,
  question,
  type Seen,
  serveDns,
  startDnsdist,
  until,
} from './kit.js'

beforeEach((context) => need(context, 'dnsdist', 'kdig', 'dig'))

/** Without health checks. */
const ALWAYS_UP = 'getServer(0):setUp()'

const ASKED = ['127.0.0.1', '127.0.0.2', '127.0.0.53', ...(hasIPv6 ? ['::1'] : [])]
const clientsOf = (asked: string) => (asked === '::1' ? ['::1'] : ['127.0.0.1', '127.0.0.7', '127.0.0.8'])

describe('in front of examples/dns-behind-dnsdist.ts', () => {
  async function start() {
    const example = new Example('dns-behind-dnsdist.ts', ['0'])
    onTestFinished(() => example.kill())
    const server = Number((await example.says(/on 0\.0\.0\.0:(\d+)/))[1])
    return startDnsdist({ addresses: ASKED, server })
  }

  test('kdig is told who asked, and where', async () => {
    const { port } = await start()
    const ask = async (asked: string, client: string) => {
      const clientPort = await freePort()
      const printed = await kdig(asked, port, '-b', `${client}#${clientPort}`, 'whoami.example', 'TXT')
      expect(printed).toContain(`"${clientIs(client, clientPort)}" "via ${PROXY}, asked at ${asked} port ${port}"`)
      expect(printed).toContain(`From ${asked}@${port}(UDP)`)
      expect(printed).not.toContain('WARNING')
    }
    await Promise.all(ASKED.flatMap((asked) => clientsOf(asked).map((client) => ask(asked, client))))
  })

  test('dig is told its address', async () => {
    const { port } = await start()
    const ask = async (asked: string, client: string) => {
      const type = client === '::1' ? 'AAAA' : 'A'
      expect(await dig(asked, port, '-b', client, 'whoami.example', type)).toBe(`${client}\n`)
    }
    await Promise.all(ASKED.flatMap((asked) => clientsOf(asked).map((client) => ask(asked, client))))
  })
})

describe('health checks', () => {
  test('are questions of dnsdist itself, and answered', async () => {
    const server = await serveDns({ trusted: [PROXY] })
    const dnsdist = await startDnsdist({ server: server.port })
    await until(() => healthChecks(server) >= 3, 'health checks')
    for (const { rinfo } of server.seen) {
      expect(rinfo.proxy).toEqual({ version: 'v2', command: 'LOCAL', family: 'UNSPEC', transport: 'UNSPEC', tlvs: [] })
      expect(rinfo.via).toEqual({ address: PROXY, family: 'IPv4', port: rinfo.port })
      expect(rinfo.address).toBe(PROXY)
    }
    expect(dnsdist.output).toContain("as 'up'")
    expect(dnsdist.output).not.toContain("as 'down'")
    expect(await dig('127.0.0.1', dnsdist.port, '-b', '127.0.0.7', 'whoami.example', 'A')).toBe('127.0.0.7\n')
    expect(server.proxyStats()).toMatchObject({ untrusted: 0, missing: 0, invalid: 0 })
  })

  test.each([
    { answer: 'without a header', keeps: false, state: 'up' },
    { answer: 'with a header', keeps: true, state: 'down' },
  ])('answered $answer, dnsdist takes the server for $state', async ({ keeps, state }) => {
    const socket = await PktInfoSocket.bind({ type: 'udp4' })
    onTestFinished(() => void socket.close())
    socket.on('message', (msg, rinfo) => {
      const { length, payload } = decode(msg)
      expect(length).toBe(16)
      const answer = answerQuery(payload, '', '192.0.2.1')!
      socket.reply(keeps ? Buffer.concat([msg.subarray(0, length), answer]) : answer, rinfo)
    })
    const dnsdist = await startDnsdist({ server: socket.address().port })
    await until(() => dnsdist.output.includes('Marking'), 'a verdict')
    expect(dnsdist.output).toContain(`as '${state}'`)
  })
})

describe('values that dnsdist adds', () => {
  test('are TLVs of the header', async () => {
    const server = await serveDns({ trusted: [PROXY] })
    const dnsdist = await startDnsdist({
      server: server.port,
      more: [
        // ALPN, Private Service Connect, and one that only this configuration knows.
        String.raw`addAction(AllRule(), SetProxyProtocolValuesAction({["1"]="dns", ["224"]="\0\0\0\0\0\0\1\2"}))`,
        String.raw`addAction(AllRule(), SetAdditionalProxyProtocolValueAction(231, "a\0b"))`,
      ],
    })
    expect(await dig('127.0.0.1', dnsdist.port, '-b', '127.0.0.7', 'whoami.example', 'A')).toBe('127.0.0.7\n')
    const { rinfo } = server.seen.find(({ rinfo }) => rinfo.proxy?.command === 'PROXY')!
    const { tlvs } = rinfo.proxy!
    expect(readTlvs(tlvs)).toEqual({ alpn: 'dns', gcpPscConnectionId: 0x102n })
    expect(tlvs.at(-1)).toEqual({ type: 231, value: Buffer.from('a\0b') })
    expect(tlvs).toHaveLength(3)
  })
})

describe('a chain of two', () => {
  const ACCEPT = `setProxyProtocolACL({"${PROXY}/32"})`

  test('tells the first client, and where it asked', async () => {
    const server = await serveDns({ trusted: [PROXY] })
    const inner = await startDnsdist({ server: server.port, more: [ACCEPT] })
    const outer = await startDnsdist({ addresses: ['127.0.0.2'], server: inner.port })
    const clientPort = await freePort()
    const printed = await kdig('127.0.0.2', outer.port, '-b', `127.0.0.7#${clientPort}`, 'whoami.example', 'TXT')
    expect(printed).toContain(`"${clientIs('127.0.0.7', clientPort)}"`)
    expect(printed).not.toContain('WARNING')
    const { rinfo } = server.seen.find(({ rinfo }) => rinfo.address === '127.0.0.7')!
    expect(rinfo.proxy).toMatchObject({ destination: { address: '127.0.0.2', port: outer.port } })
  })

  /** What a proxy before dnsdist may have sent, with a checksum. */
  const header: ProxyHeader = {
    version: 'v2',
    command: 'PROXY',
    family: 'IPv4',
    transport: 'DGRAM',
    source: { address: '203.0.113.7', port: 4242 },
    destination: { address: '198.51.100.1', port: 53 },
    tlvs: [],
  }
  const client = clientIs('203.0.113.7', 4242)
  const ADDS = 'addAction(AllRule(), SetAdditionalProxyProtocolValueAction(5, "abc"))'

  async function chain(verifyChecksum: boolean, ...more: string[]) {
    const server = await serveDns({ trusted: [PROXY], verifyChecksum })
    const dnsdist = await startDnsdist({ server: server.port, more: [ACCEPT, ...more] })
    const proxy = await Client.at(PROXY)
    proxy.send(Buffer.concat([encode(header, { checksum: true }), question(7)]), dnsdist.port, '127.0.0.1')
    return { server, proxy }
  }

  test('a checksum is passed on', async () => {
    const { server, proxy } = await chain(true)
    expect(await proxy.dnsAnswers(1)).toMatchObject({ 7: { text: client } })
    const { rinfo } = server.seen.find(({ rinfo }) => rinfo.proxy?.command === 'PROXY')!
    expect(readTlvs(rinfo.proxy!.tlvs)).toHaveProperty('crc32c')
  })

  test('a checksum is passed on as it was when dnsdist adds a value, and so is wrong', async () => {
    const { server } = await chain(true, ADDS)
    await until(() => server.proxyStats().invalid === 1, 'the wrong checksum')
    expect(server.seen.filter(({ rinfo }) => rinfo.proxy?.command !== 'LOCAL')).toEqual([])
  })

  test('a wrong checksum is accepted with verifyChecksum: false', async () => {
    const { server, proxy } = await chain(false, ADDS)
    expect(await proxy.dnsAnswers(1)).toMatchObject({ 7: { text: client } })
    expect(server.proxyStats()).toMatchObject({ invalid: 0 })
  })
})

test('of two in front of one server, each gets the answers to what it asked', async () => {
  const server = await serveDns({ trusted: [PROXY, '127.0.0.21'] })
  const one = await startDnsdist({ server: server.port })
  const other = await startDnsdist({ server: server.port, addresses: ['127.0.0.2'], source: '127.0.0.21' })
  // One client, with one port: nothing but the way that a question took says where its answer belongs.
  const client = await Client.at('127.0.0.7')
  const expected: Record<number, unknown> = {}
  for (let id = 0; id < 40; id += 2) {
    client.send(question(id), one.port, '127.0.0.1')
    client.send(question(id + 1), other.port, '127.0.0.2')
    expected[id] = { from: `127.0.0.1:${one.port}`, text: client.name }
    expected[id + 1] = { from: `127.0.0.2:${other.port}`, text: client.name }
  }
  expect(await client.dnsAnswers(40)).toEqual(expected)
  const hops = server.seen.filter(({ rinfo }) => rinfo.address === '127.0.0.7').map(({ rinfo }) => rinfo.via!.address)
  expect(hops.sort()).toEqual([...Array(20).fill(PROXY), ...Array(20).fill('127.0.0.21')])
})

test('numbers questions anew, so that no client can use an answer that comes past it', async () => {
  const server = '127.0.0.21'
  const { port } = await startDnsdist({ server, more: [ALWAYS_UP] })
  await serveDns({ trusted: [PROXY], reply: 'direct' }, { address: server, port })
  const printed = await kdig('127.0.0.1', port, '-b', '127.0.0.7', '+timeout=1', 'whoami.example', 'TXT')
  expect(printed).toMatch(/reply ID .* is different from query ID/)
  expect(printed).toContain('timeout')
})

describe('one that is not trusted', () => {
  const source = '127.0.0.9'

  test('is counted, and its questions are dropped', async () => {
    const server = await serveDns({ trusted: [PROXY] })
    const dnsdist = await startDnsdist({ server: server.port, source })
    await until(() => dnsdist.output.includes("as 'down'"), 'the failed health check')
    expect(server.proxyStats().untrusted).toBeGreaterThan(0)
    expect(server.proxyStats().accepted).toBe(0)
    expect(server.seen).toEqual([])
  })

  test('is not believed with required: false either', async () => {
    const server = await serveDns({ trusted: [PROXY], required: false })
    // Its health check is not answered either.
    const dnsdist = await startDnsdist({ server: server.port, source, more: [ALWAYS_UP] })
    const client = await Client.at('127.0.0.7')
    client.send(question(7), dnsdist.port, '127.0.0.1')
    await until(() => server.seen.length > 0, 'the question')
    const [{ msg, rinfo }] = server.seen as [Seen]
    expect(rinfo).toMatchObject({ address: source, size: msg.length })
    expect(rinfo).not.toHaveProperty('via')
    expect(rinfo).not.toHaveProperty('proxy')
    // Passed on untouched, so what says 127.0.0.7 is still part of the payload.
    expect(decode(msg).header).toMatchObject({ source: { address: '127.0.0.7', port: client.port } })
    expect(server.proxyStats()).toMatchObject({ accepted: 0, untrusted: 1 })
  })
})
