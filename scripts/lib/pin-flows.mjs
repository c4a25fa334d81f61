import { compileBpf } from './bpf.mjs'
import { fromRoot } from './project.mjs'

/** Where the compiled bpf/pin_flows.bpf.c lies. */
export const PIN_FLOWS_PATH = fromRoot('src', 'socket', 'pin-flows', 'program.ts')

/** Characters of the program in one line. */
const LINE = 112

/** The TypeScript file for bpf/pin_flows.bpf.c, as text. */
export async function generatePinFlows() {
  const { instructions, maps } = await compileBpf(fromRoot('bpf', 'pin_flows.bpf.c'), 'sk_reuseport')
  const lines = instructions.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g'))
  const offsets = (name) => maps.filter((map) => map.name === name).map(({ offset }) => offset)
  return `// Made from bpf/pin_flows.bpf.c by \`npm run build:bpf\`. Do not change it here.

/** The instructions (\`struct bpf_insn\`, linux/bpf.h), in base64. */
export const INSTRUCTIONS =
${lines.map((line) => `  '${line}'`).join(' +\n')}

/** At which bytes the maps are loaded. */
export const MAP_LOADS = {
  group: [${offsets('group').join(', ')}],
  sockets: [${offsets('sockets').join(', ')}],
} as const
`
}
