export const PIN_FLOWS_PATH: string
export function generatePinFlows(): Promise<string>
