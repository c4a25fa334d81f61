import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type FleetConfig, loadConfig } from '../fleet/index.js'
import type { Output } from './output.js'

const PLACES = ['udp-dsr.toml', '/etc/udp-dsr/udp-dsr.toml']

/** The config that is meant: what was named, the environment's, the one of this folder, or the host's. */
export function configPath(named: string | undefined): string {
  const path = named ?? process.env.UDP_DSR_CONFIG ?? PLACES.find((place) => existsSync(place)) ?? PLACES[1]!
  return resolve(path)
}

/** What was said already. */
const warned = new Set<string>()

/** @throws ConfigError */
export async function readConfigFile(path: string, output: Output, readSecrets = true): Promise<FleetConfig> {
  const config = await loadConfig(path, { readSecrets })
  for (const { message } of config.warnings) {
    if (warned.has(message)) continue
    warned.add(message)
    output.warn(`${output.style('yellow', 'warning')}: ${message}`)
  }
  return config
}
