export function formatted(path: string, text: string): string
