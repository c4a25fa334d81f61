import { basename } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { findCommand } from '../../../examples/netns/index.js'
import { buildObjects } from '../../../scripts/lib/bpf-objects.mjs'
import { useNet } from '../../netns/kit.js'
import { Workshop, whyNoBpf } from '../build.js'
import { SAMPLE } from './sample.js'

// The object files of the package and programs of the system: no library of this package has a part in it.

const net = useNet('each')
const workshop = new Workshop()
afterAll(() => workshop.remove())
beforeEach((context) => {
  const missing = whyNoBpf() ?? (findCommand('tc') ? undefined : 'tc is not installed')
  if (missing !== undefined) context.skip(missing)
})

it('ip link and tc load what the package ships', async () => {
  const [host] = await net.hosts('plain')
  await host.ip('link add left type veth peer name right\nlink set left up\nlink set right up')
  const run = async (program: string, line: string) => {
    const { code, stdout, stderr } = await host.namespace.run(program, line.split(' '))
    expect(`${code} ${stderr}`, `${program} ${line}`).toBe('0 ')
    return stdout
  }
  const objects = await buildObjects(workshop.folder)
  expect(objects.map((path) => basename(path))).toContain('edge.bpf.o')
  const [edge] = objects.filter((path) => path.endsWith('edge.bpf.o'))
  await run('ip', `link set dev right xdp obj ${edge} sec xdp`)
  expect(await run('ip', 'link show dev right')).toMatch(/prog\/xdp id \d+ name edge /)
  await run('ip', 'link set dev right xdp off')

  const [sample] = await buildObjects(workshop.folder, [SAMPLE])
  await run('tc', 'qdisc add dev left clsact')
  for (const direction of ['ingress', 'egress']) {
    await run('tc', `filter add dev left ${direction} bpf da obj ${sample} sec tc`)
    expect(await run('tc', `filter show dev left ${direction}`)).toMatch(/direct-action .* name mark /)
  }
})
