export const LAYOUTS_PATH: string
export function generateLayouts(header?: string): Promise<string>
