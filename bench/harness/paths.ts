import { fileURLToPath } from 'node:url'

/** Absolute path of a file under bench/. */
export const inBench = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url))

/** Absolute path of a file of the repository. */
export const inRepository = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url))
