import { fileURLToPath } from 'node:url'
import { command, type Finished, type Namespace } from '../../examples/netns/index.js'

/** What is built, since it starts in a quarter of the time; `npm test` sees to it that it is new. */
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
export const ARGS = [MAIN] as const

/** Runs the command to its end, on a host if need be. */
export function udpDsr(
  args: readonly string[],
  { on, env = {}, user }: { on?: Namespace; env?: Record<string, string>; user?: number } = {},
): Promise<Finished> {
  const variables = Object.entries({ NO_COLOR: '1', ...env }).map(([name, value]) => `${name}=${value}`)
  const become = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups']
  const line = [...variables, ...become, process.execPath, ...ARGS, ...args]
  const options = { timeout: 20_000 }
  return on?.run('env', line, options) ?? command('env', line, options)
}
