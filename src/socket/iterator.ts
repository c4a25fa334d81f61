import type { RemoteInfo } from './types.js'

/** A datagram as the async iterator yields it. */
export interface ReceivedMessage {
  msg: Buffer
  rinfo: RemoteInfo
}

/** Limits of an iterator. */
export interface IterateOptions {
  /** Datagrams kept while the reader is busy, default 1024; newer ones are dropped and counted. */
  limit?: number
  /** Ends the iteration; the socket stays open. */
  signal?: AbortSignal
}

export const DEFAULT_ITERATOR_LIMIT = 1024

/** What an iterator listens to. */
interface Source {
  on(event: 'message', listener: (msg: Buffer, rinfo: RemoteInfo) => void): unknown
  on(event: 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: string, listener: (...args: never[]) => void): unknown
}

/**
 * Datagrams of a socket as an async iterator over a bounded queue. Ends when the socket closes, throws when it fails,
 * and stops listening when the loop is left.
 */
export function iterateMessages(
  source: Source,
  { limit = DEFAULT_ITERATOR_LIMIT, signal }: IterateOptions,
  onDrop: () => void,
): AsyncIterableIterator<ReceivedMessage> {
  const queue: ReceivedMessage[] = []
  let waiting: { resolve(result: IteratorResult<ReceivedMessage>): void; reject(error: unknown): void }[] = []
  let ended = false
  let failure: { error: unknown } | undefined

  const onMessage = (msg: Buffer, rinfo: RemoteInfo) => {
    const reader = waiting.shift()
    if (reader !== undefined) reader.resolve({ value: { msg, rinfo }, done: false })
    else if (queue.length < limit) queue.push({ msg, rinfo })
    else onDrop()
  }
  const end = () => {
    if (ended) return
    ended = true
    source.off('message', onMessage)
    source.off('close', end)
    source.off('error', fail)
    signal?.removeEventListener('abort', onAbort)
    const readers = waiting
    waiting = []
    for (const reader of readers) {
      if (failure !== undefined) {
        reader.reject(failure.error)
        failure = undefined
      } else {
        reader.resolve({ value: undefined, done: true })
      }
    }
  }
  const fail = (error: unknown) => {
    failure = { error }
    end()
  }
  const onAbort = () => fail(signal?.reason)

  source.on('message', onMessage)
  source.on('close', end)
  source.on('error', fail)
  if (signal?.aborted) onAbort()
  else signal?.addEventListener('abort', onAbort)

  return {
    next() {
      const first = queue.shift()
      if (first !== undefined) return Promise.resolve({ value: first, done: false })
      if (failure !== undefined) {
        const { error } = failure
        failure = undefined
        return Promise.reject(error)
      }
      if (ended) return Promise.resolve({ value: undefined, done: true })
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    return() {
      queue.length = 0
      end()
      return Promise.resolve({ value: undefined, done: true })
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
