import { thread } from '../internal/thread.js'

/** Long beyond what a packet takes. */
const GRACE_MS = 20

/** Returns when every packet that was under way in a program has left it. */
export function waitForPackets(): void {
  // Kernels with nohz_full CPUs have no such call. A program runs for microseconds.
  if (thread().addon.bpf.gracePeriod() !== 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRACE_MS)
}
