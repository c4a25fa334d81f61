/** The two forms of a plan as they were proposed for Fly.io: community.fly.io, "Regional/Node UDP ranges". */

/** Three regions of 10,000 ports each. */
export const RANGES = `
[[services.ports]]
regions = ["sea"]
protocol = "udp"
port_start = 10000
port_end = 19999

[[services.ports]]
regions = ["ord"]
protocol = "udp"
port_start = 20000
port_end = 29999

[[services.ports]]
regions = ["fra"]
protocol = "udp"
port_start = 30000
port_end = 39999
`

/** Five masks that cover all 64 blocks: the fourth is what its comment says, 12 blocks from port 50176. */
export const MASKS = masks('0x1ffe_0000_0000_0000')

/**
 * As it was written: the fourth mask has bit 48, which the third has too, and not bits 50 and 51, so that two blocks are
 * nobody's.
 */
export const MASKS_AS_WRITTEN = masks('0x1ff3_0000_0000_0000')

function masks(fourth: string): string {
  return `
# unassigned port subgroups are treated to default routing behaviour
# if valid, overlapping port subgroups are treated to smallest range wins behaviour

[[services.ports]]
regions = ["sea"]
protocol = "udp"
port_mask = 0x0000_0000_0000_ffff # 16*1024 ports; range[0-16384)

[[services.ports]]
regions = ["fra"]
protocol = "udp"
port_mask = 0x0000_ffff_ffff_0000 # 32*1024 ports; range[16384-49152)

[[services.ports]]
regions = ["ord"]
protocol = "udp"
port_mask = 0x0001_0000_0000_0000 # 1*1024 ports; range[49152-50176)

[[services.ports]]
regions = ["atl"]
protocol = "udp"
port_mask = ${fourth} # 12*1024 ports; range[50176-62464)

[[services.ports]]
regions = ["maa"]
protocol = "udp"
port_mask = 0xe000_0000_0000_0000 # 3*1024 ports; range[62464-65536)
`
}
