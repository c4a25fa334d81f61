export { PortPlanError } from '../errors.js'
export { PortPlan } from './plan/port-plan.js'
export type { RenderOptions, RenderTarget } from './plan/render/index.js'
export type { SvgOptions } from './plan/svg.js'
export type { TextOptions } from './plan/terminal.js'
export type {
  PlanBlock,
  PlanName,
  PlannedEntry,
  PlanOwner,
  PortOwner,
  PortPlanEntry,
  PortPlanObject,
  PortPlanService,
} from './plan/types.js'
export type { PortRange } from './port-range.js'
