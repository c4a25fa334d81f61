/** The address without scope, and without the prefix of a v4-mapped one: as the commands of iproute2 want it. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)
  return mapped?.[1] ?? address.replace(/%.*$/, '')
}

/** The command that makes the address local to the host. */
export function localRoute(address: string): string {
  const plain = plainAddress(address)
  return `ip ${plain.includes(':') ? '-6 ' : ''}route add local ${plain} dev lo`
}
