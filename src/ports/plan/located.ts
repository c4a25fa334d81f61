import { inspect } from 'node:util'

/** A value and where it stands, for messages. TOML's integers are BigInts. */
export interface Located {
  /** `line 12`, or `services[0].ports[2].regions` of an object. */
  readonly where: string
  readonly value: unknown
}

export type LocatedTable = ReadonlyMap<string, Located>

export function isTable(value: unknown): value is LocatedTable {
  return value instanceof Map
}

export function isList(value: unknown): value is readonly Located[] {
  return Array.isArray(value)
}

/**
 * A value of JavaScript in the same form. What is within an object is converted when it is looked at: an object may be
 * anything elsewhere, even circular.
 */
export function locatedObject(where: string, raw: unknown, prefix = `${where}.`): Located {
  return {
    where,
    get value() {
      if (Array.isArray(raw)) return raw.map((element, i) => locatedObject(`${where}[${i}]`, element))
      if (raw === null || typeof raw !== 'object') return raw
      const properties = Object.entries(raw).filter(([, property]) => property !== undefined)
      return new Map(properties.map(([key, property]) => [key, locatedObject(`${prefix}${key}`, property)]))
    },
  }
}

/** A value as a message shows it: integers as TOML writes them, what has parts in short. */
export function shown(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  return inspect(isTable(value) ? {} : value, { depth: 0 })
}
