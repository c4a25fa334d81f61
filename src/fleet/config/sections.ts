// Made by `npm run build:config` from schema/. Not to be changed by hand.

/** `secret`: Key of the hash that spreads flows, the same on every edge: `openssl rand -hex 8`. In a file, in the environment, or itself. Edges need it. */
export type SecretSource =
  | string
  | {
      /** A file that has it, alone; a relative path begins at the folder of the config. White space at its end does not count. */
      readonly file: string
    }
  | {
      /** An environment variable that has it. */
      readonly env: string
    }

/** `edge`: This host takes packets for VIPs and hands them to backends: docs/run-an-edge.md. */
export interface EdgeSection {
  /** Its name among the edges. Default: that of the host. */
  readonly name?: string | undefined
  /** Where packets for the VIPs come in. */
  readonly interface: string
  /** Where the program runs: in the driver, in the network stack, or in the driver where it can. Default: `"auto"`. */
  readonly mode: 'native' | 'generic' | 'auto'
  /** Folder of a BPF filesystem. With it the forwarding outlives the process, and the next one takes it over. Default: it ends with the process. */
  readonly pin_path?: string | undefined
  /** Folder for what was last known of the pools, for a start while discovery is away. Default: nothing is kept. */
  readonly state_dir?: string | undefined
  /** Sizes of the tables in the kernel, fixed when the edge is attached. */
  readonly limits: {
    /** Entries of services: one for each 1024 ports of each VIP, and two for the VIP. A power of two. 1 – 1048576. Default: `16384`. */
    readonly services: number
    /** Slots of the tables of all pools together, in thousands (1024), each of 2 KiB. 1 – 524288. Default: `16384`. */
    readonly slots: number
    /** Backends of all pools together. 1 – 65535. Default: `8192`. */
    readonly backends: number
    /** Pools. 1 – 65535. Default: `1024`. */
    readonly pools: number
  }
  /** Lets services have `flow_table`. Default: no flows are remembered. */
  readonly flow_table?:
    | {
        /** Flows that are remembered at most, 16 bytes each. A power of two. 4 – 16777216. Default: `1048576`. */
        readonly flows: number
        /** Seconds without a datagram after which a flow is forgotten. 1 – 86400. Default: `60`. */
        readonly idle: number
      }
    | undefined
  /** Lets backends that drain keep their flows, without a memory of all flows. Needs `flow_table`, whose memory it shares. Default: their flows move. */
  readonly draining?:
    | {
        /** Seconds in which flows of a backend that drains are learned. Default: `idle` of `flow_table`. 1 – 86400. */
        readonly learn?: number | undefined
      }
    | undefined
  /** Lets services have `quic`. Default: `false`. */
  readonly quic: boolean
  /** Takes replies that backends send back through this edge (`return = "edge"`). The host must forward (`net.ipv4.ip_forward`). Default: none are taken. */
  readonly return_path?:
    | {
        /** Addresses of this host that backends send replies to. Default: all that the interface has. */
        readonly endpoints?: readonly string[] | undefined
        /** UDP port that GUE comes to. 1 – 65535. Default: `6080`. */
        readonly gue_port: number
      }
    | undefined
  /** Lets a sample of the packets be told. Default: none. */
  readonly events?:
    | {
        /** One packet in so many is told, at random. A power of two. 1 – 1073741824. Default: `1024`. */
        readonly sample: number
        /** Bytes of the buffer; what finds no room in it is not told. A power of two. 4096 – 268435456. Default: `262144`. */
        readonly bytes: number
      }
    | undefined
  /** Serves metrics in the format of Prometheus. Default: none. */
  readonly metrics?:
    | {
        /** Where metrics are served. They tell who your backends are: keep them inside. Default: `"127.0.0.1"`. */
        readonly address: string
        /** TCP port of the metrics. 1 – 65535. Default: `9464`. */
        readonly port: number
      }
    | undefined
}

/** `backend`: This host takes packets out of the edges’ tunnels. */
export interface BackendSection {
  /** Where packets from the edges come in: Ethernet, or a device of layer 3 (TUN, WireGuard). */
  readonly interface: string
  /** Addresses that edges send from (`source` of their pools). Tunnels from anybody else are dropped. */
  readonly edges: readonly string[]
  /** Addresses of this host that tunnels end at. Default: all that the interface has. */
  readonly endpoints?: readonly string[] | undefined
  /** What is undone. `proxy` takes PROXY headers out of datagrams, for programs that know nothing of them. Default: `["ipip","gue"]`. */
  readonly deliveries: readonly ('ipip' | 'gue' | 'proxy')[]
  /** UDP port that GUE comes to. 1 – 65535. Default: `6080`. */
  readonly gue_port: number
  /** How replies go: `direct` from here to the client, past the edge; `edge` through the edge that the request came by, which needs `return_path`. Default: `"direct"`. */
  readonly return: 'direct' | 'edge'
  /** With `return = "edge"`: clients that are remembered, 16 bytes each. A power of two. 4 – 16777216. Default: `262144`. */
  readonly clients: number
  /** With `return = "edge"`: seconds without a datagram after which a client is forgotten. 1 – 86400. Default: `120`. */
  readonly idle: number
  /** Where packets are taken, as in `[edge]`; `tc` on devices of layer 3. Default: `"auto"`. */
  readonly mode: 'native' | 'generic' | 'tc' | 'auto'
  /** Folder of a BPF filesystem, as in `[edge]`; another one than the edge’s. Default: it ends with the process. */
  readonly pin_path?: string | undefined
}

/** `rewrite`: On this host, replies of programs that know nothing of VIPs leave from the VIP that was asked: docs/fix-replies.md. */
export interface RewriteSection {
  /** Where requests come in. Replies that leave through it are rewritten. */
  readonly interface: string
  /** Addresses that clients ask; replies leave from the one that was asked. Default: the VIPs of all services. */
  readonly vips?: readonly string[] | undefined
  /** For programs that send without having been asked. Default: `[]`. */
  readonly rules: readonly {
    /** Local port of the program. 1 – 65535. */
    readonly port: number
    /** The VIP that its datagrams leave from: one of `vips`. */
    readonly from: string
  }[]
  /** How replies are given their source: in the packet by TCX, or by clsact on kernels before 6.6; `cgroup`: where the program sends. Default: `"auto"`. */
  readonly hook: 'auto' | 'tcx' | 'clsact' | 'cgroup'
  /** With the hook `cgroup`: folder of the control group that the programs are in. */
  readonly cgroup?: string | undefined
  /** With the hook `cgroup`: local ports of the programs that it is for. */
  readonly ports?: readonly number[] | undefined
  /** Whether replies follow the requests that came in. Without, only `rules` count, which costs less. Default: `true`. */
  readonly learn: boolean
  /** Requests that are remembered at least, 16 bytes each. A power of two. 4 – 16777216. Default: `65536`. */
  readonly flows: number
  /** Seconds after which a request is forgotten. 1 – 86400. Default: `120`. */
  readonly idle: number
  /** Folder of a BPF filesystem, as in `[edge]`; another one than the edge’s. Not with `clsact`. Default: it ends with the process. */
  readonly pin_path?: string | undefined
}

/** `pools.NAME.health`: How backends are checked. Default: they are not. */
export type HealthSection =
  | {
      /** Sends a datagram, and wants a reply. */
      readonly check: 'udp'
      /** Port of the backend that is asked. 1 – 65535. */
      readonly port: number
      /** Milliseconds from one check of a backend to its next. 100 – 3600000. Default: `2000`. */
      readonly interval: number
      /** The same while a backend is about to change: some checks in a row failed, or succeeded, and not yet enough. Default: a quarter of `interval`. 100 – 3600000. */
      readonly fast_interval?: number | undefined
      /** Milliseconds after which a check has failed; less than `interval` and `fast_interval`. 10 – 3600000. Default: `500`. */
      readonly timeout: number
      /** Successes in a row that bring a backend back. 1 – 100. Default: `2`. */
      readonly rise: number
      /** Failures in a row that take it out. 1 – 100. Default: `3`. */
      readonly fall: number
      /** Share of the pool’s backends that are never taken out, whatever the checks say. 0 – 1. Default: `0.5`. */
      readonly floor: number
      /** A backend that comes and goes more often than this stays out longer. */
      readonly flaps: {
        /** How often it may not go down within `window`. 2 – 100. Default: `4`. */
        readonly falls: number
        /** Milliseconds. 1000 – 86400000. Default: `60000`. */
        readonly window: number
        /** Milliseconds that it stays out the first time; twice as long each time that follows soon. 1000 – 86400000. Default: `30000`. */
        readonly hold: number
        /** Bound of that, in milliseconds, not less than `hold`. 1000 – 86400000. Default: `600000`. */
        readonly longest: number
      }
      /** What is sent, in hexadecimal digits. Default: `""`. */
      readonly payload: string
      /** What the reply begins with, in hexadecimal digits; empty: any reply will do. Default: `""`. */
      readonly expect: string
    }
  | {
      /** Sends a STUN binding request (RFC 8489). */
      readonly check: 'stun'
      /** Port of the backend that is asked. 1 – 65535. */
      readonly port: number
      /** Milliseconds from one check of a backend to its next. 100 – 3600000. Default: `2000`. */
      readonly interval: number
      /** The same while a backend is about to change: some checks in a row failed, or succeeded, and not yet enough. Default: a quarter of `interval`. 100 – 3600000. */
      readonly fast_interval?: number | undefined
      /** Milliseconds after which a check has failed; less than `interval` and `fast_interval`. 10 – 3600000. Default: `500`. */
      readonly timeout: number
      /** Successes in a row that bring a backend back. 1 – 100. Default: `2`. */
      readonly rise: number
      /** Failures in a row that take it out. 1 – 100. Default: `3`. */
      readonly fall: number
      /** Share of the pool’s backends that are never taken out, whatever the checks say. 0 – 1. Default: `0.5`. */
      readonly floor: number
      /** A backend that comes and goes more often than this stays out longer. */
      readonly flaps: {
        /** How often it may not go down within `window`. 2 – 100. Default: `4`. */
        readonly falls: number
        /** Milliseconds. 1000 – 86400000. Default: `60000`. */
        readonly window: number
        /** Milliseconds that it stays out the first time; twice as long each time that follows soon. 1000 – 86400000. Default: `30000`. */
        readonly hold: number
        /** Bound of that, in milliseconds, not less than `hold`. 1000 – 86400000. Default: `600000`. */
        readonly longest: number
      }
    }
  | {
      /** Asks for a name. */
      readonly check: 'dns'
      /** Port of the backend that is asked. 1 – 65535. */
      readonly port: number
      /** Milliseconds from one check of a backend to its next. 100 – 3600000. Default: `2000`. */
      readonly interval: number
      /** The same while a backend is about to change: some checks in a row failed, or succeeded, and not yet enough. Default: a quarter of `interval`. 100 – 3600000. */
      readonly fast_interval?: number | undefined
      /** Milliseconds after which a check has failed; less than `interval` and `fast_interval`. 10 – 3600000. Default: `500`. */
      readonly timeout: number
      /** Successes in a row that bring a backend back. 1 – 100. Default: `2`. */
      readonly rise: number
      /** Failures in a row that take it out. 1 – 100. Default: `3`. */
      readonly fall: number
      /** Share of the pool’s backends that are never taken out, whatever the checks say. 0 – 1. Default: `0.5`. */
      readonly floor: number
      /** A backend that comes and goes more often than this stays out longer. */
      readonly flaps: {
        /** How often it may not go down within `window`. 2 – 100. Default: `4`. */
        readonly falls: number
        /** Milliseconds. 1000 – 86400000. Default: `60000`. */
        readonly window: number
        /** Milliseconds that it stays out the first time; twice as long each time that follows soon. 1000 – 86400000. Default: `30000`. */
        readonly hold: number
        /** Bound of that, in milliseconds, not less than `hold`. 1000 – 86400000. Default: `600000`. */
        readonly longest: number
      }
      /** The name that is asked for. */
      readonly name: string
    }
  | {
      /** Connects. */
      readonly check: 'tcp'
      /** Port of the backend that is asked. 1 – 65535. */
      readonly port: number
      /** Milliseconds from one check of a backend to its next. 100 – 3600000. Default: `2000`. */
      readonly interval: number
      /** The same while a backend is about to change: some checks in a row failed, or succeeded, and not yet enough. Default: a quarter of `interval`. 100 – 3600000. */
      readonly fast_interval?: number | undefined
      /** Milliseconds after which a check has failed; less than `interval` and `fast_interval`. 10 – 3600000. Default: `500`. */
      readonly timeout: number
      /** Successes in a row that bring a backend back. 1 – 100. Default: `2`. */
      readonly rise: number
      /** Failures in a row that take it out. 1 – 100. Default: `3`. */
      readonly fall: number
      /** Share of the pool’s backends that are never taken out, whatever the checks say. 0 – 1. Default: `0.5`. */
      readonly floor: number
      /** A backend that comes and goes more often than this stays out longer. */
      readonly flaps: {
        /** How often it may not go down within `window`. 2 – 100. Default: `4`. */
        readonly falls: number
        /** Milliseconds. 1000 – 86400000. Default: `60000`. */
        readonly window: number
        /** Milliseconds that it stays out the first time; twice as long each time that follows soon. 1000 – 86400000. Default: `30000`. */
        readonly hold: number
        /** Bound of that, in milliseconds, not less than `hold`. 1000 – 86400000. Default: `600000`. */
        readonly longest: number
      }
    }
  | {
      /** Asks by GET, over HTTP. */
      readonly check: 'http'
      /** Port of the backend that is asked. 1 – 65535. */
      readonly port: number
      /** Milliseconds from one check of a backend to its next. 100 – 3600000. Default: `2000`. */
      readonly interval: number
      /** The same while a backend is about to change: some checks in a row failed, or succeeded, and not yet enough. Default: a quarter of `interval`. 100 – 3600000. */
      readonly fast_interval?: number | undefined
      /** Milliseconds after which a check has failed; less than `interval` and `fast_interval`. 10 – 3600000. Default: `500`. */
      readonly timeout: number
      /** Successes in a row that bring a backend back. 1 – 100. Default: `2`. */
      readonly rise: number
      /** Failures in a row that take it out. 1 – 100. Default: `3`. */
      readonly fall: number
      /** Share of the pool’s backends that are never taken out, whatever the checks say. 0 – 1. Default: `0.5`. */
      readonly floor: number
      /** A backend that comes and goes more often than this stays out longer. */
      readonly flaps: {
        /** How often it may not go down within `window`. 2 – 100. Default: `4`. */
        readonly falls: number
        /** Milliseconds. 1000 – 86400000. Default: `60000`. */
        readonly window: number
        /** Milliseconds that it stays out the first time; twice as long each time that follows soon. 1000 – 86400000. Default: `30000`. */
        readonly hold: number
        /** Bound of that, in milliseconds, not less than `hold`. 1000 – 86400000. Default: `600000`. */
        readonly longest: number
      }
      /** What is asked for. Default: `"/"`. */
      readonly path: string
    }

/** `pools.NAME`: Backends that do the same work, by the name of their pool. */
export interface PoolSection {
  /** How packets get to the backends: `l2` as they are, on the same segment; `ipip` and `gue` in a tunnel; `proxy` with a PROXY v2 header before the payload. */
  readonly delivery: 'l2' | 'ipip' | 'gue' | 'proxy'
  /** Members that are always there. Default: `[]`. */
  readonly backends: readonly {
    /** Its name, the same on every edge. Where its flows lie depends on it. */
    readonly id: string
    /** Where it is, of either family whatever the clients have. */
    readonly address: string
    /** Its share of the flows, in proportion to the other weights; with 0 it gets none. 0 – 65535. Default: `1`. */
    readonly weight: number
    /** What it may get: flows, none that are new, or nothing. Default: `"up"`. */
    readonly state: 'up' | 'draining' | 'down'
    /** With `quic_lb`: its server ID, in hexadecimal digits. */
    readonly server_id?: string | undefined
  }[]
  /** Names of `[discovery.*]` that members come from, beside `backends`. Default: `[]`. */
  readonly discover: readonly string[]
  /** How flows are spread: docs/pinning.md compares the two. Default: `"bounded-rendezvous"`. */
  readonly table: 'maglev' | 'bounded-rendezvous'
  /** Slots of the table, a prime or a power of two, at least one for each backend. Default: 65536, for `maglev` 65537. 2 – 1048576. */
  readonly table_size?: number | undefined
  /** Address of the edge that packets come from. Not for `l2`. Default: what the routing table says. */
  readonly source?: string | undefined
  /** Bytes of IP packet that the way to the backends takes. Default: the MTU of the interface that leads there. 576 – 65535. */
  readonly mtu?: number | undefined
  /** UDP port: with `gue` where the tunnel ends, with `proxy` the server’s. Default: 6080; with `proxy` the one that the client used. 1 – 65535. */
  readonly port?: number | undefined
  /** 802.1Q tag of the backends’ segment. Default: none. 1 – 4094. */
  readonly vlan?: number | undefined
  /** How servers name themselves in QUIC connection IDs, for services with `quic`. Default: they do not. */
  readonly quic_lb?:
    | {
        /** Configurations in use. */
        readonly config_ids: readonly number[]
        /** Bytes of a server ID. 1 – 8. */
        readonly server_id_length: number
      }
    | undefined
  /** How backends are checked. Default: they are not. */
  readonly health?: HealthSection | undefined
}

/** `[services]`: Which datagrams go to which pool. */
export interface ServiceSection {
  /** For statistics and messages; its own among the services. */
  readonly name: string
  /** Addresses that clients send to. */
  readonly vips: readonly string[]
  /** Ports, and ranges of them, both ends included. No port of a VIP is in two services. */
  readonly ports: readonly (number | string)[]
  /** The pool that gets the datagrams. */
  readonly pool: string
  /** Which datagrams stay together: docs/pinning.md. Default: `"client-ip-port"`. */
  readonly affinity: 'client-ip' | 'client-ip-port' | 'flow'
  /** Whether fragments are forwarded. Needs the affinity `client-ip`; one service of a VIP can have it; not with the delivery `proxy`. Default: `false`. */
  readonly fragments: boolean
  /** Whether flows stay with their backend when the pool changes. Needs `flow_table` of `[edge]`. Default: `false`. */
  readonly flow_table: boolean
  /** Whether datagrams go to the backend that their QUIC connection ID names. Needs `quic` of `[edge]` and `quic_lb` of the pool. Default: `false`. */
  readonly quic: boolean
  /** Whether a backend owns the ports of the VIP that it sends from. Needs `return_path` and `flow_table` of `[edge]`, and `return = "edge"` of the backends. Default: `false`. */
  readonly learn_ports: boolean
  /** Whether the edge answers echo requests to the VIPs. Default: `true`. */
  readonly echo: boolean
}

/** `discovery.NAME`: Where members of pools come from, by a name that pools have in `discover`. */
export type DiscoverySection =
  | {
      /** Members are in a file, which is watched. */
      readonly type: 'file'
      /** A file of JSON; a relative path begins at the folder of the config. */
      readonly path: string
    }
  | {
      /** Members are the addresses of a name. */
      readonly type: 'dns'
      /** The name that is looked up. */
      readonly name: string
      /** Which records are asked for. Default: `"A/AAAA"`. */
      readonly record: 'A/AAAA' | 'SRV'
      /** Resolvers to ask. Default: those of the host. */
      readonly servers?: readonly string[] | undefined
      /** Seconds between two look-ups where the records do not say how long they hold. 1 – 86400. Default: `30`. */
      readonly interval: number
    }
  | {
      /** Members are keys of an etcd, version 3.4 or newer. */
      readonly type: 'etcd'
      /** Its members; one after the other is tried. */
      readonly endpoints: readonly string[]
      /** What the keys begin with. Default: `"/udp-dsr"`. */
      readonly prefix: string
      /** User, with `password`. Default: none. */
      readonly user?: string | undefined
      /** Its password: in a file, in the environment, or itself. Default: none. */
      readonly password?:
        | string
        | {
            /** A file that has it, alone; a relative path begins at the folder of the config. White space at its end does not count. */
            readonly file: string
          }
        | {
            /** An environment variable that has it. */
            readonly env: string
          }
        | undefined
      /** For endpoints with https. */
      readonly tls?:
        | {
            /** Certificates of the authorities that are trusted (PEM). Default: those of Node. */
            readonly ca?: string | undefined
            /** Own certificate (PEM), with `key`. Default: none. */
            readonly cert?: string | undefined
            /** Its private key (PEM). Default: none. */
            readonly key?: string | undefined
          }
        | undefined
    }

/** `removal`: What discovery may take away at once. */
export interface RemovalSection {
  /** A removal of more than this share of a pool is held back until somebody agrees. 0 – 1. Default: `0.5`. */
  readonly most: number
}

/** A config as it is written, checked, with its defaults. */
export interface ConfigSections {
  /** For editors, in JSON: where the schema is. */
  readonly $schema?: string | undefined
  /** Key of the hash that spreads flows, the same on every edge: `openssl rand -hex 8`. In a file, in the environment, or itself. Edges need it. */
  readonly secret?: SecretSource | undefined
  /** This host takes packets for VIPs and hands them to backends: docs/run-an-edge.md. */
  readonly edge?: EdgeSection | undefined
  /** This host takes packets out of the edges’ tunnels. */
  readonly backend?: BackendSection | undefined
  /** On this host, replies of programs that know nothing of VIPs leave from the VIP that was asked: docs/fix-replies.md. */
  readonly rewrite?: RewriteSection | undefined
  /** Backends that do the same work, by the name of their pool. */
  readonly pools: Readonly<Record<string, PoolSection>>
  /** Which datagrams go to which pool. Default: `[]`. */
  readonly services: readonly ServiceSection[]
  /** Where members of pools come from, by a name that pools have in `discover`. */
  readonly discovery: Readonly<Record<string, DiscoverySection>>
  /** What discovery may take away at once. */
  readonly removal: RemovalSection
}
