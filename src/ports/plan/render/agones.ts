import { comment, oneWindow, type RenderInput } from './window.js'

/**
 * Values of the Helm chart: the host ports that Agones gives out (googleforgames/agones,
 * install/helm/agones/values.yaml). They are those of every machine of the cluster.
 */
export function agones(input: RenderInput): string {
  const { low, high, notes } = oneWindow(input)
  const all = [...notes, 'Every machine of the cluster gives these out, so a cluster is one node of the plan.']
  return `${comment('#', all)}gameservers:\n  minPort: ${low}\n  maxPort: ${high}\n`
}
