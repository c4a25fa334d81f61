import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { checkInteger, checkOptions, checkString } from '../errors/checks.js'
import { unreadableMembers } from '../errors.js'
import { pauseFor } from './backoff.js'
import { type Member, readMember } from './member.js'
import type { Provider, Update, WatchOptions } from './provider.js'

export interface FileMembersOptions {
  /** A file of JSON: `{ "pools": { "dns": [{ "id": "a", "address": "10.0.0.7", "weight": 2 }] } }`. */
  path: string
  /** Milliseconds after which the file is looked at though nothing told of a change: not all filesystems tell. Default 5000. */
  interval?: number | undefined
  /** For messages, default the path. */
  name?: string | undefined
}

const DEFAULT_INTERVAL = 5000
/** How often, and how long in between, a file is read that may be half written. */
const ATTEMPTS = 5
const PAUSE_MS = 20

/**
 * Members in a file that is watched, however it is written: in place, or by a rename, which is better. One that cannot be read, or
 * is gone, changes nothing: its members stand until it can be read again.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function fileMembers(options: FileMembersOptions): Provider {
  checkOptions(options, ['path', 'interval', 'name'])
  const { path, interval = DEFAULT_INTERVAL, name = path } = options
  checkString('options.path', path)
  checkInteger('options.interval', interval, 10, 86_400_000)
  checkString('options.name', name)
  return { name, watch: ({ signal }) => follow(resolve(path), interval, signal) }
}

async function* follow(
  path: string,
  interval: number,
  signal: WatchOptions['signal'],
): AsyncGenerator<Update, void, undefined> {
  const changes = new Changes(path, interval, signal)
  let text: string | undefined
  let failed: { message: string; since: Date } | undefined
  try {
    while (!signal.aborted) {
      const found = await read(path, signal)
      if (signal.aborted) return
      if ('reason' in found) {
        if (failed?.message !== found.reason.message) {
          failed = { message: found.reason.message, since: failed?.since ?? new Date() }
          yield { type: 'stale', reason: found.reason, since: failed.since }
        }
      } else if (found.text !== text || failed !== undefined) {
        text = found.text
        failed = undefined
        yield { type: 'snapshot', members: found.members }
      }
      await changes.next()
    }
  } finally {
    changes.close()
  }
}

type Found = { text: string; members: Member[] } | { reason: Error }

/** A file that is just being written is read again. */
async function read(path: string, signal: AbortSignal): Promise<Found> {
  for (let attempt = 1; ; attempt++) {
    try {
      const text = await readFile(path, 'utf8')
      return { text, members: parse(path, text) }
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error))
      if (attempt === ATTEMPTS || !(await pauseFor(PAUSE_MS, signal))) {
        return { reason: unreadableMembers(path, reason.message, reason) }
      }
    }
  }
}

function parse(path: string, text: string): Member[] {
  const document: unknown = JSON.parse(text)
  const pools = (document as { pools?: unknown } | null)?.pools
  if (pools === null || typeof pools !== 'object' || Array.isArray(pools)) {
    throw new Error('it must have an object "pools", with a list of members for each')
  }
  const names = new Set<string>()
  return Object.entries(pools).flatMap(([pool, members]) => {
    if (!Array.isArray(members)) throw new Error(`pools.${pool} must be a list of members`)
    return members.map((member, i) => {
      const read = readMember(`pools.${pool}[${i}] of ${basename(path)}`, pool, member)
      const name = `${pool}/${read.id}`
      if (names.has(name)) throw new Error(`pools.${pool} has ${read.id} twice`)
      names.add(name)
      return read
    })
  })
}

/** Tells that a file may have changed. The folder is watched, since a rename makes another file of it. */
class Changes {
  readonly #file: string
  readonly #folder: string
  readonly #interval: number
  readonly #signal: AbortSignal
  #watcher: FSWatcher | undefined
  #changed = false
  #wake: (() => void) | undefined

  constructor(path: string, interval: number, signal: AbortSignal) {
    this.#file = basename(path)
    this.#folder = dirname(path)
    this.#interval = interval
    this.#signal = signal
  }

  /** Resolves with the next change, after the interval, or when it is all over. */
  async next(): Promise<void> {
    this.#watch()
    if (!this.#changed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#interval)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
        this.#signal.addEventListener('abort', this.#wake, { once: true })
        if (this.#signal.aborted) this.#wake()
      })
      if (this.#wake) this.#signal.removeEventListener('abort', this.#wake)
    }
    this.#changed = false
    this.#wake = undefined
  }

  close(): void {
    this.#watcher?.close()
  }

  /** A folder that is not there yet, or is made anew, is watched from the next look on. */
  #watch(): void {
    if (this.#watcher !== undefined) return
    try {
      const watcher = watch(this.#folder, (_, name) => {
        if (name !== null && name !== this.#file) return
        this.#changed = true
        this.#wake?.()
      })
      watcher.on('error', () => {
        watcher.close()
        this.#watcher = undefined
      })
      this.#watcher = watcher
      // What happened before counts as a change.
      this.#changed = true
    } catch {
      // The interval has to do.
    }
  }
}
