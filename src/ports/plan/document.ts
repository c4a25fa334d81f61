import { nearest } from '../../errors/nearest.js'
import { planEntry } from '../../errors.js'
import { isOurs, readEntry } from './entry.js'
import { isList, isTable, type Located, type LocatedTable } from './located.js'
import type { PlannedEntry } from './types.js'

const PLACES = ['services', 'ports'] as const

/**
 * The entries of a document, in its order: those of `ports` at the top, of each of `services`, and of an array that is
 * the document itself. Everything else is left alone, as are entries of `services.ports` that are Fly's own.
 *
 * @throws PortPlanError ERR_PORT_PLAN_ENTRY, ERR_PORT_PLAN_RANGE
 */
export function readDocument(root: Located): PlannedEntry[] {
  const entries: PlannedEntry[] = []
  const add = (item: Located, protocol: Located | undefined) => {
    if (!isTable(item.value)) throw planEntry(item.where, 'the entry is no table', 'Write it under [[services.ports]]')
    const read = readEntry(entries.length, item.where, item.value, protocol)
    if (read !== undefined) entries.push(read)
  }
  if (isList(root.value)) {
    for (const item of root.value) add(item, undefined)
    return entries
  }
  const document = root.value as LocatedTable
  refuseMisspelt(document, PLACES)
  for (const item of listAt(document, 'ports')) add(item, undefined)
  for (const service of servicesOf(document)) {
    refuseMisspelt(service, ['ports'])
    for (const item of listAt(service, 'ports')) add(item, service.get('protocol'))
  }
  return entries
}

/** `[[services]]`, or the one table that `[[services.ports]]` makes without it. */
function servicesOf(document: LocatedTable): LocatedTable[] {
  const services = document.get('services')
  if (services === undefined) return []
  return (isList(services.value) ? services.value : [services]).map(({ where, value }) => {
    if (isTable(value)) return value
    throw planEntry(where, 'services is no table', 'Write [[services]], or [[services.ports]] alone')
  })
}

function listAt(table: LocatedTable, key: string): readonly Located[] {
  const found = table.get(key)
  if (found === undefined) return []
  if (isList(found.value)) return found.value
  // `[services.ports]`, of which there can be one only, or a table of something else.
  if (isTable(found.value) && isOurs(found.value)) return [found]
  if (isTable(found.value)) return []
  throw planEntry(found.where, `${key} is no array of tables`, `Write [[${key}]] above each entry`)
}

/** A plan under a misspelt name would leave all of its ports to the default, and nobody would notice. */
function refuseMisspelt(table: LocatedTable, places: readonly string[]): void {
  for (const [key, { where, value }] of table) {
    const meant = places.includes(key) ? undefined : nearest(key, places)
    if (meant !== undefined && holdsOurs(value)) {
      throw planEntry(where, `"${key}" is read by nobody`, `Did you mean "${meant}"?`)
    }
  }
}

function holdsOurs(value: unknown): boolean {
  if (isList(value)) return value.some((item) => holdsOurs(item.value))
  return isTable(value) && (isOurs(value) || holdsOurs(value.get('ports')?.value))
}
