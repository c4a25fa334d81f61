/**
 * Direct server return on a host: what breaks it (`checkHost`), whether it works (`probe`), and how replies get the right source
 * (`replyFixes`). Needs Linux; can be imported everywhere.
 *
 * @module
 */
export { checkHost } from './check-host.js'
export type { Finding, Report, Severity } from './finding.js'
export type { Delivery, HostOptions } from './options.js'
export type { Attempt } from './probe/attempt.js'
export type { ProbeOptions } from './probe/options.js'
export { type ProbeResult, probe, type Verdict } from './probe/probe.js'
export { type RenderOptions, renderReport } from './render-report.js'
export type { ReplyFix, ReplyFixName } from './reply-fixes/fix.js'
export { replyFixes } from './reply-fixes/index.js'
export type { TargetOptions } from './reply-fixes/target.js'
