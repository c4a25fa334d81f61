import { afterAll, beforeEach, expect, it } from 'vitest'
import { findCommand } from '../../../examples/netns/index.js'
import { CLANG } from '../../../scripts/lib/bpf.mjs'
import { defineObject } from '../../../scripts/lib/bpf-definition.mjs'
import { generateLayouts } from '../../../scripts/lib/bpf-layouts.mjs'
import { Workshop } from '../build.js'
import { SAMPLE } from './sample.js'

const workshop = new Workshop()
afterAll(() => workshop.remove())
beforeEach((context) => {
  if (!findCommand(CLANG)) context.skip(`${CLANG} is not installed`)
})

const layoutsOf = (text: string) =>
  generateLayouts(workshop.file('case.h', Buffer.from(`#include "flow_hash.h"\n${text}\n`)))
const objectOf = (text: string) =>
  defineObject(workshop.file('case.bpf.c', Buffer.from(`#include "bpf.h"\n${text}\nLICENSE("GPL");\n`)))

it('reads programs, maps and constants', async () => {
  const { programs, maps, constants } = await defineObject(SAMPLE)
  expect(maps).toEqual({
    hits: { type: 6, keyBytes: 4, valueBytes: 8, entries: 8, flags: 0 },
    words: { type: 2, keyBytes: 4, valueBytes: 4, entries: 4, flags: 1024 },
    known: { type: 1, keyBytes: 4, valueBytes: 8, entries: 4, flags: 0 },
    events: { type: 27, keyBytes: 0, valueBytes: 0, entries: 4096, flags: 0 },
  })
  const kinds = Object.entries(programs).map(([name, { type, attachType }]) => [name, type, attachType])
  expect(kinds.sort()).toEqual([
    ['block', 3, 0],
    ['emit', 6, 37],
    ['first', 6, 37],
    ['mark', 3, 0],
    ['second', 6, 37],
    ['sending', 18, 14],
    ['tell', 6, 37],
  ])
  expect(programs.tell!.maps.map(([name]) => name)).toEqual(['words', 'words', 'words', 'events'])
  expect(programs.emit!.constants).toEqual([[expect.any(Number), 0]])
  expect(Buffer.from(constants!.bytes, 'base64').readUInt32LE(constants!.settingsAt)).toBe(2)
})

it('makes a codec of each struct, and an object of each enum', async () => {
  const text = await layoutsOf(
    'enum pet { PET_CAT = 1, PET_DOG = 5 };\nstruct home {\n  __be32 address[4];\n  __be16 port;\n  __u16 reserved;\n  __u8 mac[4];\n};',
  )
  expect(text).toContain('export const Pet = {\n  cat: 1,\n  dog: 5,\n} as const')
  expect(text).toContain('export interface Home {\n  address: Uint8Array\n  port: number\n  mac: Uint8Array\n}')
  expect(text).toContain('layout(24, {\n  address: address,\n  port: be16,\n  reserved: u16,\n  mac: bytes(4),\n})')
})

it.for([
  ['struct odd {\n  __u8 a;\n  __u32 b;\n};', 'struct odd has a hole of 3 bytes at offset 1, before b'],
  ['struct odd {\n  __u32 a;\n  __u16 b;\n};', 'struct odd has a hole of 2 bytes at offset 6, its end'],
  ['struct odd {\n  __u32 a;\n  __u32 b : 3;\n};', 'struct odd: b at bit 32 is a bitfield, which no codec can read'],
  ['struct odd {\n  void *a;\n};', 'struct odd, a: no codec for pointer '],
] as const)('refuses %s', async ([text, message]) => {
  await expect(layoutsOf(text)).rejects.toThrow(message)
})

it.for([
  [
    'static __attribute__((noinline)) int other(int x) { return x * 3; }\nSECTION("xdp") int p(struct xdp_md *c) { return other(c->ingress_ifindex); }',
    'p calls a function that is not inlined',
  ],
  [
    'int state;\nSECTION("xdp") int p(struct xdp_md *c) { state = c->ingress_ifindex; return 2; }',
    'p refers to state in .bss: neither map nor constant',
  ],
  ['SECTION("kprobe/x") int p(void *c) { return c != 0; }', 'what kind of program the section kprobe/x is'],
  [
    'struct { MAP_NUMBER(type, 1); MAP_NUMBER(pinning, 1); } m MAP;\nSECTION("xdp") int p(struct xdp_md *c) { return c != 0; }',
    'The map m has pinning, which nobody here understands',
  ],
] as const)('refuses what it cannot load: %s', async ([text, message]) => {
  await expect(objectOf(text)).rejects.toThrow(message)
})
