import { inBench } from './paths.js'

/** Where `npm run bench:peers` puts other runtimes; ignored by git. */
export const peersDirectory = inBench('.peers')

/** Node's names of CPUs → those in the names of Bun's and Deno's packages. */
const BUN_CPUS: Record<string, string> = { x64: 'x64', arm64: 'aarch64' }

const modules = `${peersDirectory}/node_modules`

// The packages `bun` and `deno` only find and start the binaries of these, in an install script and a wrapper.
export const bunBinary = `${modules}/@oven/bun-linux-${BUN_CPUS[process.arch] ?? process.arch}/bin/bun`
export const denoBinary = `${modules}/@deno/linux-${process.arch}-glibc/deno`
export const goServer = `${peersDirectory}/echo-go`
