import { localRoute, plainAddress } from './remedy.js'

/** What a system call was made with. */
export interface SystemContext {
  /** Address bound, sent or connected to; of a membership, the group. */
  address?: string | undefined
  port?: number | undefined
  /** Payload of the datagram in bytes. */
  size?: number | undefined
  /** The socket option of this library that was being set, and its value. */
  option?: string | undefined
  value?: unknown
  /** Name or address of the interface that was asked for. */
  interface?: string | undefined
}

/** Largest UDP payload in bytes: a length field of 65535 less the UDP header (RFC 768), over IPv4 also less 20 bytes of IP header (RFC 791). */
const MAX_PAYLOAD_IPV4 = 65_507
const MAX_PAYLOAD_IPV6 = 65_527

type Explanation = (context: SystemContext, syscall: string) => string

/** Why a call failed and what helps, by code. Commands in backquotes can be pasted into a shell. */
const explanations = {
  EADDRINUSE: (context, syscall) => {
    if (syscall.startsWith('add')) return `the socket is a member of ${context.address ?? 'this group'} already`
    if (!context.port) {
      return 'no free port is left to choose from. Widen localPortRange or `sysctl net.ipv4.ip_local_port_range`'
    }
    return (
      `another socket has port ${context.port}; \`ss -ulpn 'sport = :${context.port}'\` shows whose it is. ` +
      'Stop it, take another port, or open all of them with reusePort: true to share the port'
    )
  },
  EADDRNOTAVAIL: (context, syscall) => {
    if (syscall.startsWith('drop')) return `the socket is no member of ${context.address ?? 'this group'}`
    if (context.interface) return `no interface has the address ${context.interface}; \`ip addr\` lists them`
    if (!context.address) return 'the address does not belong to this host; `ip addr` lists those that do'
    return (
      `${context.address} does not belong to this host; \`ip addr\` lists the addresses that do. ` +
      `Make it local with \`${localRoute(context.address)}\`, or bind with freebind: true before it is`
    )
  },
  EACCES: (context, syscall) => {
    if (syscall === 'bind') {
      return (
        `port ${context.port ?? 'number'} is below \`sysctl net.ipv4.ip_unprivileged_port_start\`. ` +
        'Lower it, grant CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=), or take a higher port'
      )
    }
    if (context.option === 'pinFlows') {
      return 'the group of this port belongs to another user. Run all processes that share the port as one user'
    }
    return 'the address is a broadcast address: call setBroadcast(true) first. If it is not, a route prohibits it (`ip route get`)'
  },
  EPERM: (context, syscall) => {
    if (context.option === 'transparent')
      return 'the option "transparent" needs CAP_NET_ADMIN (systemd: AmbientCapabilities=)'
    if (context.option === 'pinFlows')
      return 'the option "pinFlows" needs CAP_BPF and CAP_PERFMON (systemd: AmbientCapabilities=), or root'
    if (context.option === 'bindToDevice') return 'the option "bindToDevice" needs CAP_NET_RAW before Linux 5.7'
    if (context.option) return `the option "${context.option}" needs a capability, most likely CAP_NET_ADMIN`
    if (syscall === 'bind') return 'a security module or a BPF program of the cgroup forbids it'
    return 'a firewall rule or a BPF program of the cgroup dropped it; look at `nft list ruleset`'
  },
  EMSGSIZE: (context) => {
    const v4 = context.address !== undefined && !plainAddress(context.address).includes(':')
    const limit = v4 || context.address === undefined ? MAX_PAYLOAD_IPV4 : MAX_PAYLOAD_IPV6
    const what = context.size === undefined ? 'the datagram' : `the datagram of ${context.size} bytes`
    if (context.size !== undefined && context.size <= limit) {
      return `${what} is larger than the path's MTU and may not be fragmented. Send smaller ones`
    }
    const limits =
      context.address === undefined
        ? `${MAX_PAYLOAD_IPV4} bytes (IPv4) or ${MAX_PAYLOAD_IPV6} bytes (IPv6)`
        : `${limit} bytes, the most that UDP over ${v4 ? 'IPv4' : 'IPv6'} carries`
    return `${what} is too long; the limit is ${limits}. Split it`
  },
  EMFILE: () =>
    'this process has as many files open as it may (`ulimit -n`; systemd: LimitNOFILE=). Close some or raise the limit',
  ENFILE: () => 'this host has as many files open as it may. Raise `sysctl fs.file-max`',
  ENOBUFS: (context, syscall) => {
    if (syscall.startsWith('add'))
      return 'too many groups for one socket. Raise `sysctl net.ipv4.igmp_max_memberships` or use another socket'
    return `the queue of the network device${toward(context)} is full (\`tc -s qdisc\`). Send more slowly and try again`
  },
  ENOMEM: () => 'the kernel has no memory left for it; look at `sysctl net.ipv4.udp_mem net.core.optmem_max`',
  ENETUNREACH: (context) => `no route leads there; ${routeGet(context)}. Add a route, or check the source address`,
  EHOSTUNREACH: (context) =>
    `the last hop finds nobody at ${context.address ?? 'the address'}, or a router says so; ${routeGet(context)}`,
  ENETDOWN: () => 'the interface is down. `ip link set DEVICE up` brings it up',
  ECONNREFUSED: (context) =>
    `an earlier datagram${toward(context)} met no open port (ICMP port unreachable). No program listens on ${context.port ? `port ${context.port}` : 'it'} there`,
  ETIMEDOUT: (context) =>
    `${context.address ?? 'the peer'} did not answer in time. Its host may be down, or a firewall drops what is sent to ${context.port ? `port ${context.port}` : 'it'}`,
  EAFNOSUPPORT: (context) =>
    context.address === undefined
      ? 'this host has no such address family. For udp6 check `sysctl net.ipv6.conf.all.disable_ipv6`'
      : `${context.address} is of another family than the socket. Use udp4 for IPv4, udp6 for IPv6`,
  ENODEV: (context, syscall) =>
    syscall.includes('Membership') && context.interface === undefined
      ? `no interface leads to ${context.address ?? 'the group'}. Name one, or add a route for multicast`
      : `there is no interface ${context.interface ?? 'like that'}; \`ip addr\` lists them`,
  ENOPROTOOPT: (context, syscall) =>
    /Membership|Multicast/.test(syscall)
      ? `${context.address ?? context.interface ?? 'the address'} is of IPv6 and the socket is not. Use udp6`
      : `the kernel does not know ${option(context)}; capabilities() says what there is`,
  ENOTSUP: (context) => `this socket does not take ${option(context)}`,
  EINVAL: (context, syscall) => {
    if (context.option) return `the kernel does not take ${option(context)}`
    if (syscall === 'bind' || syscall === 'send' || syscall === 'connect') {
      return 'the kernel does not take this address. A link-local one needs its interface: fe80::1%eth0'
    }
    if (context.value !== undefined) return `the kernel does not take the value ${context.value}`
    if (syscall.includes('Membership')) return `${context.address ?? 'the group'} is no multicast address`
    return 'the kernel does not take this value'
  },
  EBADF: () => 'the file descriptor is closed, or never was open',
  ENOTSOCK: () => 'the file descriptor is no socket',
  EDESTADDRREQ: () => 'the datagram has no destination. Give port and address, or connect() first',
} satisfies Record<string, Explanation>

type ExplainedCode = keyof typeof explanations

/** The codes that `explain` knows. */
export const EXPLAINED_CODES = Object.keys(explanations) as readonly ExplainedCode[]

/** Why the call failed and what helps; undefined for a code that says nothing more by itself. */
export function explain(code: string, syscall: string, context: SystemContext): string | undefined {
  const explanation: Explanation | undefined = explanations[code as ExplainedCode]
  return explanation?.(context, syscall)
}

function toward({ address }: SystemContext): string {
  return address === undefined ? '' : ` to ${address}`
}

function routeGet({ address }: SystemContext): string {
  return address === undefined ? 'see `ip route`' : `see \`ip route get ${plainAddress(address)}\``
}

function option({ option: name, value }: SystemContext): string {
  if (name === undefined) return 'this option'
  return value === undefined ? `the option "${name}"` : `${value} for the option "${name}"`
}
