import { defineConfig } from 'tsup'

/** Every public subpath of package.json's `exports`; the key is the file's place under dist/. */
const entry = {
  index: 'src/index.ts',
  'bpf/index': 'src/bpf/index.ts',
  'cli/main': 'src/cli/main.ts',
  'discovery/index': 'src/discovery/index.ts',
  'dsr/index': 'src/dsr/index.ts',
  'fleet/index': 'src/fleet/index.ts',
  'forwarder/index': 'src/forwarder/index.ts',
  'pinning/index': 'src/pinning/index.ts',
  'ports/index': 'src/ports/index.ts',
  'proxy/index': 'src/proxy/index.ts',
  'socket/index': 'src/socket/index.ts',
}

export default defineConfig({
  entry,
  format: ['esm'],
  target: 'node20.19',
  platform: 'node',
  splitting: true,
  sourcemap: true,
  clean: true,
  silent: true,
  // tsup's declaration bundler sets `baseUrl`, which TypeScript 6 deprecates.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
})
