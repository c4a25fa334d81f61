import { join } from 'node:path'

/** Where the socket of a running edge is, unless something else is said: a folder of root's own. */
const FOLDER = '/run/udp-dsr'

/** @param name of the interface that the edge is on: there is one edge for each */
export function controlPath(name: string, folder = process.env.UDP_DSR_RUN_DIR ?? FOLDER): string {
  return join(folder, `edge-${name}.sock`)
}
