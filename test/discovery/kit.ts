import type { Member, Membership, Provider, Update } from '../../src/discovery/index.js'

/** Updates of a provider, one after the other, with a limit to how long each is waited for. */
export class Updates {
  readonly #ending = new AbortController()
  readonly #iterator: AsyncIterator<Update>

  constructor(provider: Provider, resume?: unknown) {
    this.#iterator = provider.watch({ signal: this.#ending.signal, resume })[Symbol.asyncIterator]()
  }

  async next(timeout = 10_000): Promise<Update> {
    const { value } = await within(timeout, this.#iterator.next(), 'an update')
    return value as Update
  }

  /** The first update that a test is about. */
  async until(matches: (update: Update) => boolean, timeout = 10_000): Promise<Update> {
    const end = Date.now() + timeout
    for (;;) {
      const update = await this.next(Math.max(1, end - Date.now()))
      if (matches(update)) return update
    }
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#iterator.next()
  }
}

export async function within<Value>(timeout: number, promise: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeout} ms for ${what}`)), timeout)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits until something holds. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string,
  timeout = 10_000,
): Promise<void> {
  for (const until = Date.now() + timeout; Date.now() < until; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited ${timeout} ms for ${what}`)
}

/** `a b` for two members of the pool p. */
export const idsOf = ({ pools }: Membership, pool = 'p'): string =>
  (pools.get(pool) ?? []).map(({ id }) => id).join(' ')

export const member = (id: string, more: Partial<Member> = {}): Member => ({
  pool: 'p',
  id,
  address: '10.0.0.7',
  ...more,
})

export const members = (ids: string): Member[] =>
  ids
    .split(' ')
    .filter(Boolean)
    .map((id) => member(id))

/** A source that tells what it is told to. */
export class Told implements Provider {
  readonly #updates: Update[] = []
  #wake: (() => void) | undefined

  constructor(readonly name = 'told') {}

  tell(...updates: Update[]): void {
    this.#updates.push(...updates)
    this.#wake?.()
  }

  snapshot(ids: string): void {
    this.tell({ type: 'snapshot', members: members(ids) })
  }

  stale(reason = 'away'): void {
    this.tell({ type: 'stale', reason: new Error(reason), since: new Date(0) })
  }

  async *watch({ signal }: { signal: AbortSignal }): AsyncGenerator<Update, void, undefined> {
    while (!signal.aborted) {
      const update = this.#updates.shift()
      if (update !== undefined) {
        yield update
        continue
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }
}
