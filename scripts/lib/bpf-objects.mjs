import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compileTo } from './bpf.mjs'
import { dataPlaneSources } from './bpf-definition.mjs'
import { fromRoot } from './project.mjs'
import { stripDebug } from './strip-debug.mjs'

/**
 * Compiles the programs of the data plane into plain object files, which `ip link` and `tc` load.
 *
 * @param folder where NAME.bpf.o are put; default: beside the sources, as in the package
 * @returns their paths
 */
export async function buildObjects(folder = fromRoot('bpf'), sources = dataPlaneSources()) {
  const objects = []
  for (const source of sources) {
    const object = join(folder, basename(source).replace(/\.c$/, '.o'))
    await compileTo(source, object)
    writeFileSync(object, stripDebug(readFileSync(object)))
    objects.push(object)
  }
  return objects
}
