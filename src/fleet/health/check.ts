import type { HealthSection } from '../config/sections.js'

/** What came of a check. */
export type Outcome = { ok: true } | { ok: false; reason: string }

export const GOOD: Outcome = { ok: true }

export interface Asked {
  /** Of the backend. */
  address: string
  /** Ends with the check's time, or with the monitor. */
  signal: AbortSignal
}

/** Asks a backend whether it can do its work. It never throws. */
export type Check = (asked: Asked) => Promise<Outcome>

/** How backends of a pool are checked, as the config has it. */
export type HealthOptions = HealthSection

export const bad = (reason: string): Outcome => ({ ok: false, reason })
