import { fileURLToPath } from 'node:url'
import type { Seen, Target } from './ask.js'
import type { Host } from './place.js'

/** What one client made of one server at one address. */
export interface Outcome {
  /** The answer was accepted. If it tells which address was asked, it is right. */
  ok: boolean
  /** What went wrong, in the client's own words where it has some. */
  problem: string | undefined
  /** Where the answer came from, if the client could see that. */
  answeredFrom: string | undefined
}

const TIMEOUT_SECONDS = 2
const QUESTION = ['which.test', 'TXT']

/** Arguments that make Node run a TypeScript file beside this one. */
export function script(name: string): string[] {
  return ['--import', 'tsx', fileURLToPath(new URL(name, import.meta.url))]
}

function outcome(
  target: Target,
  answer: string | undefined,
  answeredFrom: string | undefined,
  problem: string,
): Outcome {
  if (answer === undefined) return { ok: false, problem, answeredFrom }
  const ok = !answer.startsWith('you asked') || answer === `you asked ${target.address}`
  return { ok, problem: ok ? undefined : `it says: ${answer}`, answeredFrom }
}

/** Knot's client. It says where an unexpected answer came from, and goes on waiting. */
export async function kdig(host: Host, target: Target): Promise<Outcome> {
  const at = [`@${target.address}`, '-p', `${target.port}`, ...QUESTION]
  const { code, stdout, stderr } = await host.run('kdig', [...at, `+timeout=${TIMEOUT_SECONDS}`, '+retry=0'])
  const printed = stdout + stderr
  const stranger = /WARNING: (unexpected reply source) (\S+?)@/.exec(printed)
  if (stranger !== null) return { ok: false, problem: stranger[1], answeredFrom: stranger[2] }
  const accepted = code === 0 ? /TXT\t"(.*)"/.exec(printed)?.[1] : undefined
  return outcome(target, accepted, /;; From (\S+?)@/.exec(printed)?.[1], 'response timeout')
}

/** BIND's client. Its socket is connected, so the kernel keeps answers from elsewhere away and it can only time out. */
export async function dig(host: Host, target: Target): Promise<Outcome> {
  const at = [`@${target.address}`, '-p', `${target.port}`, ...QUESTION]
  const { code, stdout } = await host.run('dig', [...at, `+timeout=${TIMEOUT_SECONDS}`, '+tries=1'])
  const accepted = code === 0 ? /TXT\t"(.*)"/.exec(stdout)?.[1] : undefined
  return outcome(target, accepted, /;; SERVER: (\S+?)#/.exec(stdout)?.[1], 'timed out')
}

/** Our own client, in one process for all targets. `seen` has what a socket that takes everything got. */
export async function ownClient(host: Host, targets: readonly Target[]): Promise<Outcome[]> {
  const { code, stdout, stderr } = await host.run(process.execPath, script('./ask.ts'), {
    input: JSON.stringify(targets),
  })
  if (code !== 0) throw new Error(`the demo's own client failed:\n${stderr}`)
  return (JSON.parse(stdout) as Seen[]).map((seen, i) =>
    outcome(targets[i]!, seen.answer, seen.answeredFrom, 'no answer'),
  )
}
