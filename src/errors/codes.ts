import { ARGUMENT_RANGE_CODES, ARGUMENT_TYPE_CODES } from './argument.js'
import { BPF_CODES } from './bpf.js'
import { CONFIG_CODES } from './config.js'
import { CONTROL_CODES } from './control.js'
import { DISCOVERY_CODES } from './discovery.js'
import { TUPLE_CODES } from './egress.js'
import { EXPLAINED_CODES } from './explain.js'
import { FLOW_GROUP_CODES } from './flow-group.js'
import { FORWARDER_CODES } from './forwarder.js'
import { HEALTH_CODES } from './health.js'
import { PORT_PLAN_CODES } from './port-plan.js'
import { PORT_WINDOW_CODES } from './port-window.js'
import { PROXY_CODES } from './proxy.js'
import { QUIC_LB_CODES } from './quic-lb.js'
import { STATE_CODES } from './state.js'

/** Every code that this library gives out and explains; docs/errors.md has a line for each. */
export const ERROR_CODES = [
  'ERR_UNSUPPORTED_PLATFORM',
  'ERR_UNSUPPORTED_KERNEL',
  'ERR_UNSUPPORTED_NODE',
  'ERR_SOURCE_NOT_LOCAL',
  'ERR_SEND_QUEUE_FULL',
  ...STATE_CODES,
  ...TUPLE_CODES,
  ...FLOW_GROUP_CODES,
  ...BPF_CODES,
  ...FORWARDER_CODES,
  ...CONFIG_CODES,
  ...CONTROL_CODES,
  ...DISCOVERY_CODES,
  ...HEALTH_CODES,
  ...PORT_PLAN_CODES,
  ...PORT_WINDOW_CODES,
  ...PROXY_CODES,
  ...QUIC_LB_CODES,
  ...ARGUMENT_TYPE_CODES,
  ...ARGUMENT_RANGE_CODES,
  ...EXPLAINED_CODES,
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]
