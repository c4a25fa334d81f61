import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a file of /proc or /sys says, without the last line's end; undefined when there is none, or it may not be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch {
    return undefined
  }
}

/** @param name as sysctl(8) has it, but with slashes: interfaces' names may have dots */
export function sysctl(name: string): string | undefined {
  return readText(join('/proc/sys', name))
}

/** A setting that is one number. */
export function sysctlNumber(name: string): number | undefined {
  const text = sysctl(name)
  return text === undefined || text === '' ? undefined : Number(text)
}

/**
 * A setting of an interface for which the larger one of `conf/all` and its own holds (rp_filter, arp_ignore, arp_announce:
 * ip-sysctl of the kernel).
 */
export function largerOfAll(interfaceName: string, setting: string): { value: number; where: string } | undefined {
  const all = sysctlNumber(`net/ipv4/conf/all/${setting}`)
  const own = sysctlNumber(`net/ipv4/conf/${interfaceName}/${setting}`)
  if (all === undefined || own === undefined) return undefined
  const value = Math.max(all, own)
  return {
    value,
    where: `net.ipv4.conf.all.${setting} is ${all}, that of ${interfaceName} ${own}; the larger one holds`,
  }
}
