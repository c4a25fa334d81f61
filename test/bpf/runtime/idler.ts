// Has an object loaded and attached until it is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import { attachXdp, interfaceByName, loadObject } from '../../../src/bpf/index.js'
import type { SampleObject } from './sample.js'

const loaded = loadObject((workerData as { sample: SampleObject }).sample)
attachXdp({ program: loaded.programs.first, interface: interfaceByName('right'), mode: 'native' })
parentPort!.postMessage('ready')
setInterval(() => {}, 1000)
