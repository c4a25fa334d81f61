import { readAddress, textOf } from '../../../forwarder/address.js'
import type { Loose } from '../lenient.js'
import type { ConfigSections, PoolSection, ServiceSection } from '../sections.js'

/** A config to be checked, as far as its parts are right by themselves. */
export type Parts = Loose<ConfigSections>
export type PoolPart = Loose<PoolSection>
export type ServicePart = Loose<ServiceSection>

/** The pools that are written, with undefined for those of which nothing can be read. */
export function poolsOf(parts: Parts): Map<string, PoolPart | undefined> {
  return new Map(Object.entries(parts.pools ?? {}))
}

/** The services with their places in the list. */
export function servicesOf(parts: Parts): (readonly [index: number, service: ServicePart])[] {
  return [...(parts.services ?? []).entries()].flatMap(([i, service]) =>
    service === undefined ? [] : [[i, service] as const],
  )
}

/** The one way to write an address that has many. */
export function canonical(address: string): string {
  return textOf(readAddress('address', address))
}

/** Entries of a list that are there, with their places. */
export function entriesOf<T>(list: readonly (T | undefined)[] | undefined): (readonly [index: number, entry: T])[] {
  return [...(list ?? []).entries()].flatMap(([i, entry]) => (entry === undefined ? [] : [[i, entry] as const]))
}
