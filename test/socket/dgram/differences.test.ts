import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { DIFFERENCES } from './differences/index.js'
import { run } from './stage.js'

const page = readFileSync(new URL('../../../docs/dgram.md', import.meta.url), 'utf8')

describe('what is meant to differ from node:dgram', () => {
  afterEach(() => process.setUncaughtExceptionCaptureCallback(null))

  for (const { title, scenario, dgram, ours } of DIFFERENCES) {
    test(title, async () => {
      expect(await run('dgram', scenario)).toEqual(dgram)
      expect(await run('ours', scenario)).toEqual(ours)
    })
  }
})

describe('docs/dgram.md', () => {
  const sections = [...page.matchAll(/^### (.+)\n\n([^#]+)/gm)].map(([, title = '', text = '']) => ({ title, text }))

  test('has a section for each difference, in the same order', () => {
    expect(sections.map(({ title }) => title.replaceAll('`', ''))).toEqual(DIFFERENCES.map(({ title }) => title))
  })

  test('says what dgram does, and more than a title', () => {
    for (const { title, text } of sections) {
      expect(text, title).toMatch(/dgram|Node/)
      expect(text.length, title).toBeGreaterThan(80)
    }
  })
})
