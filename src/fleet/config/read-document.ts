import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { checkParts } from './check/check.js'
import type { Parts } from './check/parts.js'
import type { DiscoveryConfig, FleetConfig } from './fleet-config.js'
import { checkAsForwarder } from './forwarder-check.js'
import { addIssues } from './issues.js'
import { lenient } from './lenient.js'
import type { Settings } from './options.js'
import type { Document } from './place.js'
import { Problems } from './problems.js'
import { checkReadable, readSecret, type Surroundings } from './read-secrets.js'
import { configSchema } from './schema/config.js'
import { PASSWORD, SECRET } from './schema/secret.js'
import type { ConfigSections, DiscoverySection, SecretSource } from './sections.js'
import { remember } from './source.js'
import { refuseUnseen } from './unseen.js'

/**
 * Checks a document, and reads the secrets that it names.
 *
 * @param exposed whether everybody on this host can read its file
 * @throws ConfigError ERR_CONFIG, with every problem
 */
export function readDocument({ value, root }: Document, settings: Settings, exposed: boolean): FleetConfig {
  const { file, env, directory, readSecrets } = settings
  const problems = new Problems({ file, root })
  const result = configSchema.safeParse(value, { reportInput: true })
  const written: ConfigSections | undefined = result.data
  if (!result.success) addIssues(problems, result.error.issues)
  refuseUnseen(value, problems)
  const parts: Parts = (written as Parts | undefined) ?? lenient(configSchema, value) ?? {}
  checkParts(parts, problems)
  const around: Surroundings = { env, directory, exposed, readSecrets }
  const secret = parts.secret && readSecret(['secret'], parts.secret as SecretSource, SECRET, around, problems)
  const discovery = Object.entries(parts.discovery ?? {}).map(
    ([name, source]) => [name, source && discoveryOf(name, source as DiscoverySection, around, problems)] as const,
  )
  if (problems.any || written === undefined) throw problems.error()
  const { $schema, secret: _, edge, discovery: __, ...sections } = written
  const config: FleetConfig = {
    ...(secret && { secret }),
    ...(edge && { edge: { ...edge, name: edge.name ?? hostname() } }),
    ...sections,
    discovery: Object.fromEntries(discovery) as Record<string, DiscoveryConfig>,
    warnings: problems.warnings,
  }
  remember(config, problems.source)
  checkAsForwarder(config)
  return config
}

function discoveryOf(
  name: string,
  source: DiscoverySection,
  around: Surroundings,
  problems: Problems,
): DiscoveryConfig {
  const path = ['discovery', name]
  if (source.type === 'file') return { ...source, path: resolve(around.directory, source.path) }
  if (source.type !== 'etcd') return source
  const { password, tls, ...rest } = source
  return {
    ...rest,
    ...(tls && {
      tls: Object.fromEntries(
        Object.entries(tls).map(([key, file]) => [
          key,
          file && checkReadable([...path, 'tls', key], file, around, problems),
        ]),
      ),
    }),
    ...(password !== undefined && {
      password: readSecret([...path, 'password'], password, PASSWORD, around, problems),
    }),
  }
}
