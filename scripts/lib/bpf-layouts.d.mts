export const LAYOUTS_PATH: string
export function generateLayouts(): Promise<string>
