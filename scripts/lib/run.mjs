import { spawn } from 'node:child_process'
import { root } from './project.mjs'

/** How often a step that prints nothing itself shows that it is alive, in milliseconds. */
const HEARTBEAT = 15_000
/** Lines of a failed command's output that are worth reading: some tools say it first, some last. */
const HEAD_LINES = 12
const TAIL_LINES = 28

/** A command that failed. `output` is all that it printed. */
export class CommandError extends Error {
  constructor(command, outcome, output) {
    super(`${command}: ${outcome}${excerpt(output)}`)
    this.name = 'CommandError'
    this.output = output
  }
}

function excerpt(output) {
  const lines = output.trimEnd().split('\n')
  const left = lines.length - HEAD_LINES - TAIL_LINES
  if (left > 0) lines.splice(HEAD_LINES, left, `… ${left} lines …`)
  return lines.map((line) => `\n    ${line}`).join('')
}

/** Runs a command and returns what it printed; throws `CommandError` when it fails. */
export function run(command, args, { cwd = root, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    }
    const line = [command, ...args].join(' ')
    child.on('error', (error) => reject(new CommandError(line, error.message, output)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new CommandError(line, signal ? `ended by ${signal}` : `exit code ${code}`, output))
    })
  })
}

/** Runs a command whose output is for the person at the terminal; returns its exit code. */
export function show(command, args, { cwd = root, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/**
 * Runs `work` as a named step: one line when it starts, one a while as it goes on, one when it is done.
 * On standard error, so that the output of the program that is being prepared stays clean.
 */
export async function step(label, work) {
  const start = Date.now()
  const seconds = () => ((Date.now() - start) / 1000).toFixed(1)
  console.error(`• ${label} …`)
  const heartbeat = setInterval(() => console.error(`  still at it (${seconds()} s)`), HEARTBEAT)
  try {
    const result = await work()
    console.error(`  done in ${seconds()} s`)
    return result
  } finally {
    clearInterval(heartbeat)
  }
}
