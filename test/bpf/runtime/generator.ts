// Sends frames out of an interface as fast as it can (BPF_F_TEST_XDP_LIVE_FRAMES).
import { parentPort, workerData } from 'node:worker_threads'
import { loadObject, settingsOf } from '../../../src/bpf/index.js'
import { BPF_F_TEST_XDP_LIVE_FRAMES } from '../../../src/internal/linux.js'
import { type SampleObject, SampleSettings } from './sample.js'

const { sample, frames, ifindex } = workerData as { sample: SampleObject; frames: number; ifindex: number }
using loaded = loadObject(sample, {
  settings: settingsOf(SampleSettings, { verdict: 0, ifindex }),
  programs: ['emit'],
})
parentPort!.postMessage('ready')
const options = { data: new Uint8Array(64), flags: BPF_F_TEST_XDP_LIVE_FRAMES, batch: 64 }
loaded.programs.emit.testRun({ ...options, repeat: frames })
