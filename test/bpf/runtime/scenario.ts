// Plays one scenario on a host of its own, which has the interfaces `left` and `right`, two ends of one cable, and prints
// what it saw as JSON.
//
//   node --import tsx test/bpf/runtime/scenario.ts NAME DEFINITION
import { readFileSync } from 'node:fs'
import type { SampleObject } from './sample.js'
import * as scenarios from './scenarios.js'

const [name, path] = process.argv.slice(2) as [string, string]
const scenario = Object.entries(scenarios).find(([own]) => own === name)![1]
const sample = JSON.parse(readFileSync(path, 'utf8')) as SampleObject
console.log(JSON.stringify(await scenario(sample)))
