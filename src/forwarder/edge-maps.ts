import type { BpfMap } from '../bpf/index.js'

/** Maps of edge.bpf.c that user space fills. */
export interface EdgeMaps {
  services: BpfMap
  serviceTable: BpfMap
  usualSecret: BpfMap
  pools: BpfMap
  slots: BpfMap
  backends: BpfMap
  quicServers: BpfMap
  sources: BpfMap
  serviceCounters: BpfMap
  backendCounters: BpfMap
}
