// Namespaces must not outlive what made them, however that ends.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { useNet } from './kit.js'

useNet('each')
const MESS = fileURLToPath(new URL('./mess.ts', import.meta.url))

/** Starts a process that makes a namespace. */
async function makeMess(how: 'throw' | 'exit' | 'wait') {
  const child = spawn(process.execPath, ['--import', 'tsx', MESS, how], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'exit')
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { name: (line as string).trim(), kill: () => child.kill('SIGKILL'), ended }
}

test.each(['throw', 'exit'] as const)('a process that ends by %s leaves no namespace', async (how) => {
  const { name, ended } = await makeMess(how)
  await ended
  expect(name).toMatch(/^udp-dsr-\d+-1-mess$/)
  expect(readdirSync('/run/netns')).not.toContain(name)
})

test('what a killed process leaves is removed by the next one', async () => {
  const { name, kill, ended } = await makeMess('wait')
  kill()
  await ended
  expect(readdirSync('/run/netns')).toContain(name)
  await (await makeMess('exit')).ended
  expect(readdirSync('/run/netns')).not.toContain(name)
})
