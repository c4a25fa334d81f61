// A fleet without one: members, a config, what is wrong with this host, a check.
const { Discovery, staticMembers } = require('udp-dsr/discovery')
const { checkHost } = require('udp-dsr/dsr')
const { HealthMonitor, parseConfig } = require('udp-dsr/fleet')

async function main() {
  const discovery = new Discovery({ providers: [staticMembers([{ pool: 'dns', id: 'a', address: '127.0.0.1' }])] })
  let members
  for await (const { pools } of discovery) {
    members = pools.get('dns').map(({ id }) => id)
    break
  }
  await discovery.close()
  let problem
  try {
    parseConfig('[pools.dns]\ndelivery = "ip"\n')
  } catch ({ problems }) {
    problem = problems[0].path.split('.')[0]
  }
  // Nobody has this address.
  const { findings } = await checkHost({ role: 'backend', vips: ['198.51.100.2'], interface: 'lo', watch: 0 })
  const vip = findings.find(({ check, severity }) => check === 'vip-local' && severity === 'error')?.check
  const monitor = new HealthMonitor({ pools: { dns: { check: 'tcp', port: 9 } } })
  monitor.update([{ pool: 'dns', id: 'a', address: '127.0.0.1' }])
  const up = monitor.get('dns', 'a').state === 'up'
  await monitor.close()
  console.log(JSON.stringify({ members, problem, vip, up }))
}

main()
