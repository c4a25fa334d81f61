/** Runs programs in a network namespace of their own, which is gone with them. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findCommand } from '../../../examples/netns/index.js'
import { whyNoBpf } from '../kit.js'

/** Room for what a program prints: worlds of some thousand slots. */
const MAX_OUTPUT = 2 ** 26

/** Why it cannot be done here, or undefined. */
export function whyNoRoutes(): string | undefined {
  return whyNoBpf() ?? ['unshare', 'ip', 'sysctl'].filter((name) => !findCommand(name)).map((name) => `no ${name}`)[0]
}

/** @returns what a program printed, as JSON */
export function inNamespace<T>(program: URL, ...values: readonly number[]): T {
  const command = ['--net', process.execPath, '--import', 'tsx', fileURLToPath(program), ...values.map(String)]
  return JSON.parse(execFileSync('unshare', command, { encoding: 'utf8', maxBuffer: MAX_OUTPUT })) as T
}
