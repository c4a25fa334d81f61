import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { run } from './run.mjs'

/** What Debian's packages ask before they start a service (invoke-rc.d(8), deb-systemd-invoke(1p)). */
const POLICY = '/usr/sbin/policy-rc.d'
/** Ours: refuses all. */
const REFUSAL = '#!/bin/sh\n# Of the set-up of udp-dsr, while it installs packages; may be removed.\nexit 101\n'
/** systemctl(1), on every system that runs systemd, and on many that do not. */
const SYSTEMCTL = '/usr/bin/systemctl'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Installs packages whose services shall not run: not now, for a web server would take port 80, and not after the next
 * start of the machine. A policy that the machine has already stays as it is.
 *
 * @param services units that the packages bring; nothing is done when there are none
 */
export async function withoutServices(services, install) {
  if (services.length === 0) return install()
  // One that an earlier set-up was killed over is ours as well.
  const ours = !existsSync(POLICY) || readFileSync(POLICY, 'utf8') === REFUSAL
  const remove = () => rmSync(POLICY, { force: true })
  const onSignal = (signal) => {
    remove()
    process.kill(process.pid, signal)
  }
  if (ours) {
    writeFileSync(POLICY, REFUSAL, { mode: 0o755 })
    for (const signal of SIGNALS) process.once(signal, onSignal)
  }
  try {
    await install()
    if (existsSync(SYSTEMCTL)) await disable(services)
  } finally {
    if (ours) {
      for (const signal of SIGNALS) process.off(signal, onSignal)
      remove()
    }
  }
}

async function disable(services) {
  for (const service of services) {
    // One whose package could not be installed is not there.
    await run(SYSTEMCTL, ['disable', service]).catch(() => {})
  }
}
