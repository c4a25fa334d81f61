import { readdirSync, readlinkSync } from 'node:fs'

/** Descriptors of maps, programs and links that this process has open. */
export function bpfDescriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /bpf/.test(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false // it was the directory's own
    }
  }).length
}
