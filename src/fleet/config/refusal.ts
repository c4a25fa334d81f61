import { ArgumentRangeError, ArgumentTypeError } from '../../errors.js'
import type { FleetConfig } from './fleet-config.js'
import type { Step } from './place.js'
import { Problems } from './problems.js'
import { sourceOf } from './source.js'

/**
 * What `Forwarder`, `Backend` or `SourceRewrite` refused, as a `ConfigError` that tells where in the file it is.
 *
 * @param error what was thrown
 * @param section whose options they were
 * @returns a ConfigError with `error` as its cause; `error` itself when it is about nothing in the config
 */
export function placeRefusal(
  config: FleetConfig,
  error: unknown,
  section: 'edge' | 'backend' | 'rewrite' = 'edge',
): unknown {
  if (!(error instanceof ArgumentTypeError || error instanceof ArgumentRangeError)) return error
  const path = error.argument === undefined ? undefined : pathOf(error.argument, section, Object.keys(config.pools))
  if (path === undefined) return error
  const problems = new Problems(sourceOf(config))
  problems.add({ kind: 'value', path, says: `refused: ${error.message}`, expected: '', remedy: '' })
  return problems.error(error)
}

const POOL = 'config.pools.'

/** The path in the config of what an argument error names: `config.pools.dns.tableSize`, `options.flowTable.idle`. */
function pathOf(argument: string, section: string, pools: readonly string[]): Step[] | undefined {
  if (argument.startsWith(POOL)) {
    const rest = argument.slice(POOL.length)
    // Names may have dots in them, and one may begin with another.
    const fitting = pools.filter((name) => rest === name || rest.startsWith(`${name}.`))
    const pool = fitting.sort((a, b) => b.length - a.length)[0]
    return pool === undefined ? undefined : ['pools', pool, ...stepsOf(rest.slice(pool.length))]
  }
  const [, root, rest] = /^(config|options)\.(.+)$/.exec(argument) ?? []
  if (rest === undefined) return undefined
  return root === 'config' ? stepsOf(rest) : [section, ...stepsOf(rest)]
}

/** Keys are in snake case in the file, and in camel case as options. */
function stepsOf(text: string): Step[] {
  return [...text.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? key!.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : Number(index),
  )
}
