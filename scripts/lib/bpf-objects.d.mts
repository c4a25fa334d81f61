export function buildObjects(folder?: string, sources?: readonly string[]): Promise<string[]>
