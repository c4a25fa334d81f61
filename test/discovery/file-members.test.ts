import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fileMembers, type Snapshot, type Stale } from '../../src/discovery/index.js'
import { Updates } from './kit.js'

let folder: string
let path: string
let updates: Updates

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-members-'))
  path = join(folder, 'members.json')
})
afterEach(async () => {
  await updates?.close()
  rmSync(folder, { recursive: true, force: true })
})

const text = (...ids: string[]) =>
  JSON.stringify({ pools: { dns: ids.map((id, i) => ({ id, address: `10.0.0.${i + 1}` })) } })
/** As it should be done. */
function replace(content: string): void {
  writeFileSync(`${path}.new`, content)
  renameSync(`${path}.new`, path)
}
const watch = (interval = 60_000) => {
  updates = new Updates(fileMembers({ path, interval }))
}
const ids = async () => ((await updates.next(5000)) as Snapshot).members.map(({ id }) => id).join(' ')
const reason = async () => ((await updates.next(5000)) as Stale).reason.message

it('members of all pools are read, and those of another file that takes its place', async () => {
  writeFileSync(
    path,
    JSON.stringify({
      pools: {
        dns: [{ id: 'a', address: '10.0.0.1', weight: 2, state: 'draining' }],
        web: [{ id: 'a', address: '2001:db8::1', serverId: 'C46E', comment: 'passed over' }],
      },
    }),
  )
  watch()
  expect(await updates.next()).toEqual({
    type: 'snapshot',
    members: [
      { pool: 'dns', id: 'a', address: '10.0.0.1', weight: 2, state: 'draining' },
      { pool: 'web', id: 'a', address: '2001:db8::1', serverId: 'c46e' },
    ],
  })
  for (const names of [['b'], ['b', 'c'], []]) {
    replace(text(...names))
    expect(await ids()).toBe(names.join(' '))
  }
})

it('a file that is written in place is read when it is whole', async () => {
  writeFileSync(path, text('a'))
  watch()
  expect(await ids()).toBe('a')
  const whole = text('a', 'b', 'c')
  writeFileSync(path, whole.slice(0, 20))
  await new Promise((resolve) => setTimeout(resolve, 30))
  appendFileSync(path, whole.slice(20))
  expect(await ids()).toBe('a b c')
})

it.each([
  ['half a file', () => text('a', 'b').slice(0, 30), 'JSON'],
  ['an empty file', () => '', 'JSON'],
  ['no pools', () => '{}', 'must have an object "pools"'],
  ['a list', () => '{"pools":[]}', 'must have an object "pools"'],
  [
    'a wrong address',
    () => '{"pools":{"dns":[{"id":"a","address":"10.0.0"}]}}',
    'pools.dns[0] of members.json is no member',
  ],
  ['a member twice', () => text('a', 'a'), 'pools.dns has a twice'],
])('%s is stale, and changes nothing; what is right again comes again', async (_, content, problem) => {
  writeFileSync(path, text('a'))
  watch()
  expect(await ids()).toBe('a')
  replace(content())
  const told = await reason()
  expect(told).toContain(problem)
  expect(told).toContain(path)
  replace(text('a'))
  expect(await ids()).toBe('a')
})

it('a file that is not there, is taken away and comes back', async () => {
  watch()
  expect(await reason()).toContain('ENOENT')
  replace(text('a'))
  expect(await ids()).toBe('a')
  rmSync(path)
  expect(await reason()).toContain('ENOENT')
  replace(text('b'))
  expect(await ids()).toBe('b')
})

it('a folder that is not there yet is looked for', async () => {
  path = join(folder, 'later', 'members.json')
  watch(50)
  expect(await reason()).toContain('ENOENT')
  mkdirSync(join(folder, 'later'))
  replace(text('a'))
  expect(await ids()).toBe('a')
})

it('a file that is the same says nothing', async () => {
  writeFileSync(path, text('a'))
  watch(20)
  expect(await ids()).toBe('a')
  replace(text('a'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  replace(text('b'))
  expect(await ids()).toBe('b')
})

it('options that are wrong are refused', () => {
  expect(() => fileMembers({ path: 7 } as never)).toThrow('options.path')
  expect(() => fileMembers({ path, interval: 1 })).toThrow('options.interval')
  expect(() => fileMembers({ path, intervall: 1 } as never)).toThrow('Did you mean "interval"?')
})
