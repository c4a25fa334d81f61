export const root: string
export const cache: string
export function fromRoot(...parts: string[]): string
export function filesBelow(path: string): string[]
export function hashFiles(files: readonly string[]): string
