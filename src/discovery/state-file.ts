import { open, readFile, rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { channels } from './channels.js'
import { digestOf } from './digest.js'
import { type Member, readMember } from './member.js'

const VERSION = 1
/** Milliseconds between two times that the file is written. */
const PAUSE_MS = 1000

/**
 * The last good state on disk. It is replaced by a rename, so that a reader finds one state or another, and has a digest, so that a
 * damaged one is known and passed over.
 */
export class StateFile {
  readonly #path: string
  readonly #told: (failure: Error | undefined) => void
  #next: (() => readonly Member[]) | undefined
  /** One after the other: they share the file that is renamed. */
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  /** @param told is called with what is wrong with the file, and with nothing when it is right again */
  constructor(path: string, told: (failure: Error | undefined) => void) {
    this.#path = resolve(path)
    this.#told = told
  }

  /** What was saved last; undefined when nothing was, or it cannot be read. */
  async read(): Promise<Member[] | undefined> {
    try {
      return parse(await readFile(this.#path, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failed(error)
      return undefined
    }
  }

  /** Lets it be written, soon. @param members asked for when it is */
  save(members: () => readonly Member[]): void {
    this.#next = members
    this.#timer ??= setTimeout(() => void this.#write(), PAUSE_MS).unref()
  }

  /** Writes what is to be written. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#write()
  }

  #write(): Promise<void> {
    this.#timer = undefined
    this.#writing = this.#writing.then(async () => {
      const next = this.#next
      this.#next = undefined
      if (next === undefined) return
      await write(this.#path, next()).then(
        () => this.#told(undefined),
        (error: unknown) => this.#failed(error),
      )
    })
    return this.#writing
  }

  #failed(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error))
    channels.state.publish({ path: this.#path, reason })
    this.#told(reason)
  }
}

function parse(text: string): Member[] {
  const { version, digest, members } = JSON.parse(text) as { version: number; digest: string; members: unknown[] }
  if (version !== VERSION) throw new Error(`version ${version} is not ${VERSION}`)
  const read = members.map((member, i) => {
    const { pool } = member as { pool: string }
    return readMember(`members[${i}]`, pool, member)
  })
  if (digestOf(read) !== digest) throw new Error('it is damaged: its digest is another one')
  return read
}

async function write(path: string, members: readonly Member[]): Promise<void> {
  const fresh = `${path}.${process.pid}.new`
  const text = `${JSON.stringify({ version: VERSION, digest: digestOf(members), members })}\n`
  try {
    const file = await open(fresh, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}
