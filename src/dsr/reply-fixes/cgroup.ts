import type { Definition } from './fix.js'

export const cgroup: Definition = {
  name: 'cgroup',
  title: 'SourceRewrite, where the program sends',
  language: 'js',
  unchanged: true,
  explain: () =>
    'The same memory of who asked which VIP, but the source is named where the program calls sendmsg, so that no packet has to be changed. ' +
    'For sockets that were opened in one control group (systemd: /sys/fs/cgroup/system.slice/NAME.service) and are not connected, and for the ' +
    'ports that are named. Needs what tc needs.',
  commands: ({ vip, port, interface: name }) => `import { SourceRewrite } from 'udp-dsr/forwarder'

const rewrite = await SourceRewrite.attach({
  interface: '${name}',
  vips: ['${vip}'],
  hook: 'cgroup',
  cgroup: '/sys/fs/cgroup/system.slice/NAME.service', // the control group of the program
  ports: [${port}],
})
`,
  undo: () => 'await rewrite.detach()\n',
}
