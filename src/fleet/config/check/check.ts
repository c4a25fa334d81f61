import type { Problems } from '../problems.js'
import { checkDiscovery } from './discovery.js'
import { checkHost } from './host.js'
import type { Parts } from './parts.js'
import { checkPools } from './pools.js'
import { checkPorts } from './ports.js'
import { checkServices } from './services.js'

/** What parts of a config want of each other. */
export function checkParts(parts: Parts, problems: Problems): void {
  checkHost(parts, problems)
  checkPools(parts, problems)
  checkServices(parts, problems)
  checkPorts(parts, problems)
  checkDiscovery(parts, problems)
}
