/** Bytes of a server ID that one number holds exactly. */
const CHUNK = 6

/** One level: the next bytes of a server ID → the next level, or the backend. */
type Level = Map<number, Level | string>

/** Server IDs of one length → backends. Looking up allocates nothing. */
export class ServerIds {
  readonly #length: number
  readonly #first: Level = new Map()

  /** @param length of the server IDs in bytes, 1–15 */
  constructor(length: number) {
    this.#length = length
  }

  /** @returns false when the ID is there already */
  add(serverId: Uint8Array, backend: string): boolean {
    let level = this.#first
    for (let at = 0; ; at += CHUNK) {
      const end = Math.min(at + CHUNK, this.#length)
      const chunk = readNumber(serverId, at, end)
      const found = level.get(chunk)
      if (end === this.#length) {
        if (found !== undefined) return false
        level.set(chunk, backend)
        return true
      }
      const next: Level = typeof found === 'object' ? found : new Map()
      level.set(chunk, next)
      level = next
    }
  }

  /** The backend of the server ID at `bytes[start]`. */
  find(bytes: Uint8Array, start: number): string | undefined {
    let found: Level | string | undefined = this.#first
    for (let at = start; typeof found === 'object'; at += CHUNK) {
      found = found.get(readNumber(bytes, at, Math.min(at + CHUNK, start + this.#length)))
    }
    return found
  }
}

function readNumber(bytes: Uint8Array, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) value = value * 256 + bytes[i]!
  return value
}
