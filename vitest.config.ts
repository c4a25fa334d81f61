import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = (file: string) => fileURLToPath(new URL(`src/${file}`, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests import the package by its name, as a consumer does, and get the sources.
    alias: [
      { find: /^udp-dsr$/, replacement: src('index.ts') },
      {
        find: /^udp-dsr\/(bpf|discovery|dsr|fleet|forwarder|pinning|ports|proxy|socket)$/,
        replacement: src('$1/index.ts'),
      },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Processes, not threads: tests count file descriptors, send signals and enter network namespaces.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
})
