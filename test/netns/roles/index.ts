import { ask } from './ask.js'
import { collect, collected } from './collect.js'
import { exchange } from './exchange.js'
import { flood } from './flood.js'
import { provoke } from './provoke.js'
import { sendFrom } from './send-from.js'
import { serve, stop } from './serve.js'

/** What a host can do: functions whose arguments and results are plain data. */
export const roles = { ask, collect, collected, exchange, flood, provoke, sendFrom, serve, stop }

export type Roles = typeof roles
