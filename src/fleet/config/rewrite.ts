import type { SourceRewriteOptions } from '../../forwarder/index.js'
import type { FleetConfig } from './fleet-config.js'
import { missingFrom } from './missing.js'

/**
 * What `SourceRewrite.attach` takes. Without `vips` of its own it is for the VIPs of all services.
 *
 * @throws ConfigError ERR_CONFIG when the config has no [rewrite]
 */
export function rewriteOptions(config: FleetConfig): SourceRewriteOptions {
  const { rewrite, services } = config
  if (rewrite === undefined) throw missingFrom(config, 'rewrite', 'there', 'Add [rewrite] with interface = "…".')
  const { interface: name, vips, rules, hook, cgroup, ports, learn, flows, idle, pin_path: pinPath } = rewrite
  return {
    interface: name,
    vips: vips ?? [...new Set(services.flatMap((service) => service.vips))],
    rules,
    hook,
    learn,
    flows,
    idle,
    ...(cgroup !== undefined && { cgroup }),
    ...(ports && { ports }),
    ...(pinPath !== undefined && { pinPath }),
  }
}
