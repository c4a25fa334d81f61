export type { PortRange } from './port-range.js'
