import type { ObjectDefinition } from '../../src/bpf/definition.js'

export function dataPlaneSources(): string[]
export function definitionPath(source: string): string
export function defineObject(source: string, includes?: readonly string[]): Promise<ObjectDefinition>
export function generateDefinition(source: string): Promise<string>
