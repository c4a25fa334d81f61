import { ask } from './ask.js'
import { collect, collected } from './collect.js'
import { acceptTcp, connectOut, localPorts } from './connect-out.js'
import {
  attachBackend,
  attachEdge,
  attachMirror,
  attachRewrite,
  attachStranger,
  collectNothing,
  cover,
  examine,
  tryProbe,
} from './examine.js'
import { exchange } from './exchange.js'
import { firewallTrials } from './firewall-trial.js'
import { flood } from './flood.js'
import { followHealth, seenHealth, unfollowHealth } from './follow-health.js'
import { provoke } from './provoke.js'
import { sendFrom } from './send-from.js'
import { serve, stop } from './serve.js'

/** What a host can do: functions whose arguments and results are plain data. */
export const roles = {
  acceptTcp,
  ask,
  attachBackend,
  attachEdge,
  attachMirror,
  attachRewrite,
  attachStranger,
  collect,
  collected,
  collectNothing,
  connectOut,
  cover,
  examine,
  exchange,
  firewallTrials,
  flood,
  followHealth,
  localPorts,
  provoke,
  seenHealth,
  sendFrom,
  serve,
  stop,
  tryProbe,
  unfollowHealth,
}

export type Roles = typeof roles
