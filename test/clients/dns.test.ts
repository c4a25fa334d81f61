// kdig and dig ask at every address: kdig says when an answer comes from elsewhere, dig does not even see it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerQuery } from '../../examples/demo/dns.js'
import { run, whyMissing } from './programs.js'
import { ADDRESSES, type Respond, serve, serveDgram, WAYS } from './servers.js'

const respond: Respond = (query, asked) => answerQuery(query, `you asked ${asked}`, asked)
const WRONG_SOURCE = 'unexpected reply source'

let close = () => {}
afterEach(() => close())

async function port(server: 'dgram' | (typeof WAYS)[number]): Promise<string> {
  const socket = server === 'dgram' ? await serveDgram(respond) : await serve(server, respond)
  close = () => socket.close()
  return String(socket.address().port)
}

describe('kdig', () => {
  beforeEach((context) => {
    const missing = whyMissing('kdig')
    if (missing) context.skip(missing)
  })
  const ask = async (address: string, at: string, type: string) => {
    const { code, stdout, stderr } = await run('kdig', [
      `@${address}`,
      '-p',
      at,
      'which.test',
      type,
      '+timeout=2',
      '+retry=0',
    ])
    return { code, printed: stdout + stderr }
  }

  test.each(WAYS)('gets every answer from where it asked, without a warning (%s)', async (way) => {
    const at = await port(way)
    const answers = await Promise.all(ADDRESSES.map((address) => ask(address, at, 'TXT')))
    for (const [i, { code, printed }] of answers.entries()) {
      expect(code).toBe(0)
      expect(printed).not.toContain('WARNING')
      expect(printed).toContain(`"you asked ${ADDRESSES[i]}"`)
      expect(printed).toContain(`From ${ADDRESSES[i]}@${at}(UDP)`)
    }
  })

  test('gets A records too', async () => {
    const { printed } = await ask('127.0.0.53', await port('reply'), 'A')
    expect(printed).toMatch(/IN\tA\t127\.0\.0\.53\n/)
  })

  test('warns of the answers of node:dgram', async () => {
    const { code, printed } = await ask('127.0.0.2', await port('dgram'), 'TXT')
    expect(code).not.toBe(0)
    expect(printed).toContain(`WARNING: ${WRONG_SOURCE} 127.0.0.1@`)
  })
})

describe('dig', () => {
  beforeEach((context) => {
    const missing = whyMissing('dig')
    if (missing) context.skip(missing)
  })
  const ask = (address: string, at: string) =>
    run('dig', [`@${address}`, '-p', at, 'which.test', 'TXT', '+timeout=2', '+tries=1', '+short'])

  test.each(WAYS)('gets every answer from where it asked (%s)', async (way) => {
    const at = await port(way)
    const answers = await Promise.all(ADDRESSES.map((address) => ask(address, at)))
    expect(answers.map(({ stdout }) => stdout)).toEqual(ADDRESSES.map((address) => `"you asked ${address}"\n`))
  })

  test('times out with node:dgram', async () => {
    const { code, stdout } = await ask('127.0.0.2', await port('dgram'))
    expect(code).not.toBe(0)
    expect(stdout).toContain('timed out')
  })
})
