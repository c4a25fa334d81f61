import type { PortRange } from '../port-range.js'

/**
 * How a local port is found for a connection.
 *
 * - `'exact'`: from a list of free ports of our own, one at a time (IP_LOCAL_PORT_RANGE with both ends alike). Takes the
 *   same time however many are used.
 * - `'kernel'`: the kernel searches the whole range. From Linux 6.8 on it looks at each port in turn; before, at the even
 *   ones first, and then each connection is slow.
 * - `'shifting-window'`: the kernel searches a window of `windowSize` ports that begins anywhere in the range, and another
 *   one when it is full.
 * - `'select-test-repeat'`: a port at random, and another one when it is taken.
 * - `'auto'`: `'exact'`; where others have many ports of the range, windows, and at last the whole range.
 */
export type PortStrategy = 'auto' | 'exact' | 'kernel' | 'shifting-window' | 'select-test-repeat'

export const STRATEGIES: readonly PortStrategy[] = ['auto', 'exact', 'kernel', 'shifting-window', 'select-test-repeat']

/** Where and how a local port is looked for. */
export interface PortSettings {
  strategy: PortStrategy
  /** Ports that may be taken; they lie in the kernel's own range. */
  range: PortRange
  /** Ports of a window. */
  window: number
  /** Most ports or windows that are tried. */
  attempts: number
}

export const DEFAULT_WINDOW = 500

/** A failed attempt costs some 2 µs. */
export const DEFAULT_ATTEMPTS: Readonly<Record<PortStrategy, number>> = {
  auto: 16,
  exact: 1024,
  kernel: 1,
  'shifting-window': 32,
  'select-test-repeat': 1024,
}
