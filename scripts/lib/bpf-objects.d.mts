export function buildObjects(folder?: string): Promise<string[]>
