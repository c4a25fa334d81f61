import type { BackendOptions } from '../../forwarder/index.js'
import type { FleetConfig } from './fleet-config.js'
import { missingFrom } from './missing.js'

/**
 * What `Backend.attach` takes.
 *
 * @throws ConfigError ERR_CONFIG when the config has no [backend]
 */
export function backendOptions(config: FleetConfig): BackendOptions {
  const { backend } = config
  if (backend === undefined)
    throw missingFrom(config, 'backend', 'there on a backend', 'Add [backend] with interface and edges.')
  const { interface: name, edges, endpoints, deliveries, gue_port: guePort, mode, pin_path: pinPath } = backend
  const { return: back, clients, idle } = backend
  return {
    interface: name,
    edges,
    deliveries,
    guePort,
    mode,
    return: back,
    clients,
    idle,
    ...(endpoints && { endpoints }),
    ...(pinPath !== undefined && { pinPath }),
  }
}
