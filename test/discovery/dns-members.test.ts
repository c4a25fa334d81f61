import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Answer, decode, encode, type Packet } from 'dns-packet'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type DnsMembersOptions, dnsMembers, type Snapshot, type Stale } from '../../src/discovery/index.js'
import { Updates } from './kit.js'

/** A DNS server that knows what a test tells it. */

let server: Socket
let zone: Record<string, { answers: Answer[]; rcode?: 'SERVFAIL' | 'NXDOMAIN' } | 'silence'>
let asked: string[]
let updates: Updates | undefined

beforeEach(async () => {
  zone = {}
  asked = []
  server = createSocket('udp4')
  server.on('message', (message, { port, address }) => {
    const query = decode(message)
    const { name, type } = query.questions![0]!
    asked.push(`${type} ${name}`)
    const known = zone[`${type} ${name}`] ?? { answers: [] }
    if (known === 'silence') return
    const rcode = { SERVFAIL: 2, NXDOMAIN: 3 }[known.rcode as string] ?? 0
    const reply: Packet = {
      type: 'response',
      id: query.id!,
      flags: 0x0400 | rcode,
      questions: query.questions!,
      answers: known.answers,
    }
    server.send(encode(reply), port, address)
  })
  await once(server.bind(0, '127.0.0.1'), 'listening')
})
afterEach(async () => {
  await updates?.close()
  updates = undefined
  server.close()
})

const NAME = 'backends.example.org'
const a = (data: string, ttl = 60, name = NAME): Answer => ({ type: 'A', name, ttl, data })
const aaaa = (data: string, ttl = 60, name = NAME): Answer => ({ type: 'AAAA', name, ttl, data })
const srv = (target: string, priority: number, weight: number): Answer => ({
  type: 'SRV',
  name: NAME,
  ttl: 60,
  data: { target, priority, weight, port: 53 },
})

function watch(options: Partial<DnsMembersOptions> = {}): Updates {
  const servers = [`127.0.0.1:${server.address().port}`]
  updates = new Updates(dnsMembers({ pool: 'dns', name: NAME, servers, timeout: 200, ...options }))
  return updates
}
const members = async () =>
  ((await updates!.next()) as Snapshot).members.map(
    ({ id, address, weight }) => `${id}=${address}${weight === undefined ? '' : `*${weight}`}`,
  )

it('addresses of both families are members, with themselves as IDs', async () => {
  zone[`A ${NAME}`] = { answers: [a('10.0.0.7'), a('10.0.0.8')] }
  zone[`AAAA ${NAME}`] = { answers: [aaaa('2001:db8::7')] }
  watch()
  expect((await members()).sort()).toEqual(['10.0.0.7=10.0.0.7', '10.0.0.8=10.0.0.8', '2001:db8::7=2001:db8::7'])
})

it('a name is looked up again when the first of its records has run out, or after the interval', async () => {
  zone[`A ${NAME}`] = { answers: [a('10.0.0.7', 1), a('10.0.0.8', 60)] }
  watch()
  expect(await members()).toHaveLength(2)
  zone[`A ${NAME}`] = { answers: [a('10.0.0.9', 3600)] }
  const start = Date.now()
  expect(await members()).toEqual(['10.0.0.9=10.0.0.9'])
  const took = Date.now() - start
  expect(took).toBeGreaterThan(800)
  await updates!.close()
  watch({ interval: 1 })
  await members()
  zone[`A ${NAME}`] = { answers: [a('10.0.0.10', 3600)] }
  expect(await members()).toEqual(['10.0.0.10=10.0.0.10'])
})

it.each([
  ['no answer', 'silence' as const, 'ETIMEOUT'],
  ['a server that fails', { answers: [], rcode: 'SERVFAIL' as const }, 'ESERVFAIL'],
  ['a name that does not exist', { answers: [], rcode: 'NXDOMAIN' as const }, 'it has no address'],
  ['a name without addresses', { answers: [] }, 'it has no address'],
])(
  '%s is stale, and no removal',
  async (_, known, problem) => {
    zone[`A ${NAME}`] = { answers: [a('10.0.0.7', 1)] }
    watch()
    await members()
    zone[`A ${NAME}`] = known
    const stale = (await updates!.next()) as Stale
    expect(stale.type).toBe('stale')
    expect(stale.reason.message).toContain(problem)
    zone[`A ${NAME}`] = { answers: [a('10.0.0.8', 1)] }
    await updates!.until(({ type }) => type === 'snapshot')
  },
  15_000,
)

it('targets of SRV records are members: those of the best priority, with their weights', async () => {
  zone[`SRV ${NAME}`] = {
    answers: [srv('b1.example.org', 10, 3), srv('b2.example.org', 10, 1), srv('spare.example.org', 20, 1)],
  }
  zone['A b1.example.org'] = { answers: [a('10.0.0.1', 60, 'b1.example.org')] }
  zone['A b2.example.org'] = { answers: [a('10.0.0.2', 60, 'b2.example.org')] }
  watch({ type: 'SRV' })
  expect((await members()).sort()).toEqual(['b1.example.org=10.0.0.1*3', 'b2.example.org=10.0.0.2*1'])
  expect(asked).not.toContain('A spare.example.org')
})

it('without weights all targets are alike; one with several addresses is several members', async () => {
  zone[`SRV ${NAME}`] = { answers: [srv('b1.example.org', 0, 0), srv('b2.example.org', 0, 0)] }
  zone['A b1.example.org'] = { answers: [a('10.0.0.1', 60, 'b1.example.org')] }
  zone['AAAA b2.example.org'] = {
    answers: [aaaa('2001:db8::2', 60, 'b2.example.org'), aaaa('2001:db8::3', 60, 'b2.example.org')],
  }
  watch({ type: 'SRV' })
  expect((await members()).sort()).toEqual([
    'b1.example.org=10.0.0.1*1',
    'b2.example.org 2001:db8::2=2001:db8::2*1',
    'b2.example.org 2001:db8::3=2001:db8::3*1',
  ])
})

it('a target without an address is stale', async () => {
  zone[`SRV ${NAME}`] = { answers: [srv('b1.example.org', 0, 0)] }
  watch({ type: 'SRV' })
  expect(((await updates!.next()) as Stale).reason.message).toContain('its target b1.example.org has no address')
})

it('options that are wrong are refused', () => {
  expect(() => dnsMembers({ pool: 'dns', name: NAME, type: 'MX' } as never)).toThrow("'A/AAAA' or 'SRV'")
  expect(() => dnsMembers({ pool: 'dns', name: NAME, interval: 0 })).toThrow('options.interval')
  expect(() => dnsMembers({ pool: 'dns' } as never)).toThrow('options.name')
})
