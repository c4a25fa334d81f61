import dns, { type Packet } from 'dns-packet'
import { beforeEach, describe, expect, test } from 'vitest'
import { startProxy, whyNoProxy } from '../../../proxy/programs/kit.js'
import { checkOnce, IMPATIENT, udpServer } from '../kit.js'

describe('dnsdist', () => {
  beforeEach((context) => {
    const missing = whyNoProxy('dnsdist')
    if (missing !== undefined) context.skip(missing)
  })

  /** Answers names by itself, each with a code of its own. */
  const start = async () => {
    const config = (_folder: string, [port]: readonly [number, ...number[]]) =>
      [
        `addLocal("127.0.0.1:${port}")`,
        'setSecurityPollSuffix("")', // ask nobody whether this version is safe
        'addAction("good.test.", SpoofAction("192.0.2.1"))',
        'addAction("text.test.", SpoofRawAction("\\\\003abc", { typeForAny = 16 }))',
        'addAction("missing.test.", RCodeAction(DNSRCode.NXDOMAIN))',
        'addAction("broken.test.", RCodeAction(DNSRCode.SERVFAIL))',
        'addAction("refused.test.", RCodeAction(DNSRCode.REFUSED))',
        'addAction(AllRule(), DropAction())',
      ].join('\n')
    return (await startProxy('dnsdist', { config, transport: 'udp' })).port
  }

  test('codes', async () => {
    const port = await start()
    const ask = (name: string, more = {}) => checkOnce({ check: 'dns', port, name, ...more }, { timeout: 2000 })
    expect(await ask('good.test')).toEqual({ verdict: 'passed' })
    expect(await ask('GOOD.test.')).toEqual({ verdict: 'passed' })
    expect(await ask('text.test', { type: 'TXT' })).toEqual({ verdict: 'passed' })
    expect(await ask('missing.test')).toEqual({ verdict: 'passed' })
    expect(await ask('broken.test')).toEqual({ verdict: 'failed', reason: 'DNS answer SERVFAIL' })
    expect(await ask('missing.test', { codes: ['NOERROR'] })).toEqual({
      verdict: 'failed',
      reason: 'DNS answer NXDOMAIN',
    })
    expect(await ask('refused.test', { codes: ['REFUSED', 2] })).toEqual({ verdict: 'passed' })
    expect(await checkOnce({ check: 'dns', port, name: 'silence.test' }, { timeout: IMPATIENT })).toMatchObject({
      verdict: 'failed',
    })
  })
})

/** A server whose answers are what `change` makes of right ones, by way of another codec than the check's. */
const server = (change: (answer: Packet, query: Packet) => Packet) =>
  udpServer((msg, answer) => {
    const query = dns.decode(msg)
    const { id, questions } = query
    answer(dns.encode(change({ type: 'response', id: id!, questions: questions!, answers: [] }, query)))
  })

test('the query is right', async () => {
  const queries: Packet[] = []
  const { port } = await server((answer, query) => {
    queries.push(query)
    return answer
  })
  await checkOnce({ check: 'dns', port, name: 'www.Example.org', type: 'AAAA' })
  await checkOnce({ check: 'dns', port, name: '.', type: 'NS' })
  expect(queries.map(({ questions }) => questions)).toMatchObject([
    [{ name: 'www.example.org', type: 'AAAA', class: 'IN' }],
    [{ name: '.', type: 'NS', class: 'IN' }],
  ])
  expect(queries.map(({ type, flags }) => [type, flags])).toEqual([
    ['query', dns.RECURSION_DESIRED],
    ['query', dns.RECURSION_DESIRED],
  ])
})

test.each<[string, boolean, (answer: Packet, query: Packet) => Packet]>([
  ['the answer', true, (answer) => answer],
  ['letters in another case', true, (answer) => ({ ...answer, questions: [{ type: 'A', name: 'ExAmple.ORG' }] })],
  ['another ID', false, (answer) => ({ ...answer, id: (answer.id! + 1) & 0xffff })],
  ['another name', false, (answer) => ({ ...answer, questions: [{ type: 'A', name: 'example.com' }] })],
  ['another type', false, (answer) => ({ ...answer, questions: [{ type: 'AAAA', name: 'example.org' }] })],
  ['no question', false, (answer) => ({ ...answer, questions: [] })],
  ['the query itself', false, (_answer, query) => query],
])('%s', async (_, good, change) => {
  const { port } = await server(change)
  const { verdict } = await checkOnce({ check: 'dns', port, name: 'example.org' }, { timeout: good ? 5000 : IMPATIENT })
  expect(verdict).toBe(good ? 'passed' : 'failed')
})

test('bytes that are no DNS', async () => {
  const { port } = await udpServer((_, answer) => answer('hello'))
  const { verdict } = await checkOnce({ check: 'dns', port, name: 'example.org' }, { timeout: IMPATIENT })
  expect(verdict).toBe('failed')
})
