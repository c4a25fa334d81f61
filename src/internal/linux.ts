/** Numbers of Linux's socket API, the same on x64 and arm64 (include/uapi/asm-generic/socket.h, linux/in.h, linux/in6.h, linux/udp.h). */

export const SOL_SOCKET = 1
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_REUSEADDR = 2
export const SO_BROADCAST = 6
export const SO_REUSEPORT = 15
export const SO_BINDTODEVICE = 25
export const SO_RXQ_OVFL = 40
export const SO_ATTACH_REUSEPORT_EBPF = 52
export const SO_MEMINFO = 55
/** Index of the drop counter in SO_MEMINFO's array (linux/sock_diag.h). */
export const SK_MEMINFO_DROPS = 8

export const IPPROTO_IP = 0
export const IP_TTL = 2
export const IP_PKTINFO = 8
export const IP_RECVERR = 11
export const IP_RECVTOS = 13
export const IP_FREEBIND = 15
export const IP_TRANSPARENT = 19
export const IP_RECVORIGDSTADDR = 20
export const IP_BIND_ADDRESS_NO_PORT = 24
export const IP_MULTICAST_IF = 32
export const IP_MULTICAST_TTL = 33
export const IP_MULTICAST_LOOP = 34
export const IP_ADD_MEMBERSHIP = 35
export const IP_DROP_MEMBERSHIP = 36
export const IP_ADD_SOURCE_MEMBERSHIP = 39
export const IP_DROP_SOURCE_MEMBERSHIP = 40
export const MCAST_JOIN_SOURCE_GROUP = 46
export const MCAST_LEAVE_SOURCE_GROUP = 47
export const IP_LOCAL_PORT_RANGE = 51

export const IPPROTO_IPV6 = 41
export const IPV6_UNICAST_HOPS = 16
export const IPV6_MULTICAST_IF = 17
export const IPV6_MULTICAST_HOPS = 18
export const IPV6_MULTICAST_LOOP = 19
export const IPV6_JOIN_GROUP = 20
export const IPV6_LEAVE_GROUP = 21
export const IPV6_RECVERR = 25
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49
export const IPV6_RECVTCLASS = 66
export const IPV6_RECVORIGDSTADDR = 74
export const IPV6_TRANSPARENT = 75
export const IPV6_FREEBIND = 78

export const IPPROTO_UDP = 17
export const UDP_SEGMENT = 103
export const UDP_GRO = 104

export const AF_INET6 = 10

/** linux/bpf.h */
export const BPF_MAP_TYPE_ARRAY = 2
export const BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20
export const BPF_PROG_TYPE_SK_REUSEPORT = 21
/** Only where there is nothing yet. */
export const BPF_NOEXIST = 1
export const BPF_PSEUDO_MAP_FD = 1
/** Type of the BPF filesystem in statfs(2) (linux/magic.h). */
export const BPF_FS_MAGIC = 0xcafe4a11

/** Bits of capabilities(7) (linux/capability.h). */
export const CAP_SYS_ADMIN = 21
export const CAP_PERFMON = 38
export const CAP_BPF = 39

/** linux/bpf.h: commands of bpf(2), types of maps, flags. */
export const BPF_PROG_GET_FD_BY_ID = 13
export const BPF_MAP_TYPE_PERCPU_HASH = 5
export const BPF_MAP_TYPE_PERCPU_ARRAY = 6
export const BPF_MAP_TYPE_LRU_PERCPU_HASH = 10
export const BPF_MAP_TYPE_RINGBUF = 27
export const BPF_EXIST = 2
export const BPF_F_RDONLY_PROG = 1 << 7
export const BPF_F_MMAPABLE = 1 << 10
export const BPF_PSEUDO_MAP_VALUE = 2
export const BPF_PROG_TYPE_XDP = 6
export const BPF_XDP = 37
export const BPF_CGROUP_UDP4_SENDMSG = 14
export const BPF_CGROUP_UDP6_SENDMSG = 15
export const BPF_TCX_INGRESS = 46
export const BPF_TCX_EGRESS = 47
export const BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1
/** linux/if_link.h */
export const XDP_FLAGS_SKB_MODE = 1 << 1
export const XDP_FLAGS_DRV_MODE = 1 << 2
