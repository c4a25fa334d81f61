/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Keys and values of the maps that user space writes or reads. The TypeScript codecs are generated from these
 * structs (npm run build:bpf); a struct with implicit padding is refused there.
 *
 * Addresses have four words in network order, IPv4 as v4-mapped IPv6 (RFC 4291 §2.5.5.2), so that one map
 * serves both. Numbers are in the byte order of the host where the type does not say otherwise. */
#ifndef UDP_DSR_LAYOUTS_H
#define UDP_DSR_LAYOUTS_H

#include <linux/types.h>

#include "flow_hash.h"

/* --- edge: which service ------------------------------------------------------------------------------- */

/* What an entry of `services` answers for. */
enum service_kind {
  SERVICE_PORTS = 0, /* the 1024 ports [block * 1024, block * 1024 + 1023] of a VIP */
  SERVICE_FRAGMENTS =
      1, /* fragments of datagrams to a VIP: later ones have no ports. Block 0; SERVICE_NONE: dropped */
  SERVICE_VIP = 2, /* the VIP itself: its echo requests are answered. Protocol and block 0; SERVICE_NONE */
};

enum service_value {
  SERVICE_NONE = 0xffff,        /* no service */
  SERVICE_SPLIT = 0x10000,      /* and more: the ports of the block differ, and chunk value - SERVICE_SPLIT of
                                   `slots`      has a service for each */
  SERVICE_MISSING = 0x7fffffff, /* there is no entry (ADDRESS_MISSING) */
};

struct vip {
  __be32 address[4];
};

enum bucket_constant {
  BUCKET_ENTRIES = 4,
  ADDRESS_MISSING = 0x7fffffff, /* what looking for an entry gives when there is none */
};

/* Value of ARRAY `services` of the edge, `hosts` of a backend, `vips` of the source rewrite (BPF_F_MMAPABLE):
 * tables of buckets. An entry lies in one of two, which follow from its hash (address_table.h). The kernel's
 * own hash table takes three times as long to look something up.
 *
 * A word is a tag (32 bits) and a value (32), from the low bits up.
 * The tag has what the entry is about and bits of the hash; a word of 0 is no entry. An entry is made by its
 * address and then its word; changed or removed by its word; and its place is used for another address only
 * after a grace period. */
struct address_bucket {
  __u64 words[BUCKET_ENTRIES];
  struct vip addresses[BUCKET_ENTRIES];
};

enum service_flags {
  SERVICE_FLOW_TABLE = 1,  /* remembers where each flow went (settings.flow_table) */
  SERVICE_QUIC = 2,        /* routes by the server ID in QUIC connection IDs (settings.quic) */
  SERVICE_LEARN_PORTS = 4, /* a backend owns the ports that it sends from (settings.learned_ports) */
};

/* Value of ARRAY `service_table`. Never changed while an entry refers to it: a change takes a free index. */
struct service {
  struct flow_secret secret;
  __u32 pool;            /* index in `pools` */
  __u32 counters;        /* index in `service_counters`: stays when the service's index changes */
  __u8 affinity;         /* enum flow_affinity */
  __u8 flags;            /* enum service_flags */
  __u8 quic_config_bits; /* for SERVICE_QUIC: bit i set: config rotation i (0-6) is ours */
  __u8 quic_id_length;   /* for SERVICE_QUIC: bytes of the server ID, 1-8 */
  __u32 memory; /* names what is remembered, and the servers of `quic_servers`: the same for services of a
                   pool */
};

/* --- edge: which backend ------------------------------------------------------------------------------- */

enum table_constant {
  CHUNK_SLOTS = 1024,    /* of one chunk of `slots` */
  BACKEND_NONE = 0xffff, /* in a table: nobody has the slot */
};

/* Value of ARRAY `slots` (BPF_F_MMAPABLE): a part of a pool's table, whose slots hold indices of `backends`;
 * or the services of a split block. Written only while nobody refers to it. */
struct chunk {
  __u16 slots[CHUNK_SLOTS];
};

enum drain_phase {
  DRAIN_NONE = 0,
  DRAIN_LEARN = 1, /* flows in slots of a draining backend go there, and are remembered */
  DRAIN_HOLD = 2,  /* those that are remembered stay there, others go to the slot's new owner */
};

/* A table: chunk of its first slot (32 bits), number of slots (24), phase (8), from the low bits up. 0: none.
 * One word, so that a program sees either the old table or the new one. Slot i of it is slot i % 1024 of
 * chunk first + i / 1024. */
typedef __u64 table_word;
#define TABLE_FIRST(word) ((__u32)(word))
#define TABLE_SIZE(word) ((__u32)((word) >> 32) & 0xffffffu)
#define TABLE_PHASE(word) ((__u32)((word) >> 56))

/* Value of ARRAY `pools` (BPF_F_MMAPABLE). */
struct pool {
  table_word current;
  table_word previous; /* what it was before, while somebody drains (settings.draining). Carries the phase */
};

enum delivery {
  DELIVERY_L2 = 0,    /* new Ethernet addresses, same segment */
  DELIVERY_IPIP = 1,  /* IP in IP: RFC 2003, RFC 2473, RFC 4213, 6in4 */
  DELIVERY_GUE = 2,   /* generic UDP encapsulation, variant 1: IP directly in UDP (draft-ietf-intarea-gue) */
  DELIVERY_PROXY = 3, /* addressed to the backend, with a PROXY v2 header before the payload */
};

enum backend_flags {
  BACKEND_FIB =
      1, /* `next_hop` is not known: the routing table is asked for each packet (not with DELIVERY_L2) */
  BACKEND_DRAINING = 2, /* with `previous`: its flows stay */
};

/* Value of ARRAY `backends`. Never changed while a table refers to it, but for `next_hop`, `source_mac`,
 * `ifindex`, `flags` and `epoch`. */
struct backend {
  __be32 address[4]; /* destination of what is sent to it; not looked at by DELIVERY_L2 */
  __be32 source[4];  /* source of the same; of the same family */
  __u8 next_hop[6];  /* Ethernet destination */
  __u8 source_mac[6];
  __u32 ifindex;  /* 0: the interface that the packet came in on */
  __u32 counters; /* index in `backend_counters`: stays when the backend's index changes */
  __u16 vlan;     /* tag to send with (TCI of 802.1Q), 0: none */
  __u16 mtu;      /* of the path, in bytes of IP packet: 576-65535 */
  __be16 port;    /* DELIVERY_GUE: destination port; DELIVERY_PROXY: the same, 0 for the port that the client
                     used */
  __u8 delivery;  /* enum delivery */
  __u8 flags;     /* enum backend_flags */
  __u32 epoch;    /* grows when the backend is down or goes: what remembers it is forgotten */
};

/* Key of HASH `sources` of the edge: backends whose encapsulated packets are taken. The value is an index of
 * `backends`. */
struct source_key {
  __be32 address[4];
};

/* Value of HASH `endpoints` of the edge, whose key is an address of the edge that backends send replies to
 * (struct source_key). */
struct endpoint {
  __be16 gue_port; /* 0: no GUE */
  __u16 reserved;  /* 0 */
};

/* Key of HASH `quic_servers`, whose value is the index of the backend that has this server ID. It is removed
 * with the backend. */
struct quic_server_key {
  __u32 memory;   /* of the service */
  __u8 config;    /* config rotation, 0-6 */
  __u8 length;    /* bytes of the ID, 1-8 */
  __u16 reserved; /* 0 */
  __u8 id[8];     /* padded with zeros */
};

/* Settings of edge.bpf.c, in .rodata: fixed when it is loaded, and what is off is not in the program then. */
struct edge_settings {
  __u8 flow_table;
  __u8 draining;
  __u8 quic;
  __u8 learned_ports;
  __u8 fragments;      /* fragments are looked up as SERVICE_FRAGMENTS, else counted and dropped */
  __u8 fib;            /* BACKEND_FIB is looked at */
  __u8 events;         /* events are written to ring buffer `events` */
  __u8 return_path;    /* replies that backends send through this edge are taken */
  __u32 event_mask;    /* one packet in event_mask + 1 makes an event; a power of two less one */
  __u32 buckets;       /* of `services`: a power of two */
  __u32 flow_sets;     /* sets of `flows`: a power of two */
  __u32 flow_idle;     /* of 2^30 ns (1.07 s), after which a remembered flow or port is forgotten */
  __u32 icmp_interval; /* milliseconds of one CPU between two too-big messages, after a burst of 16 */
};

/* --- backend ------------------------------------------------------------------------------------------- */

/* Settings of backend.bpf.c, in .rodata. */
struct backend_settings {
  struct flow_secret secret; /* of what is remembered */
  __u8 ipip;                 /* IP in IP is undone */
  __u8 gue;                  /* so is GUE, to the port below */
  __be16 gue_port;
  __u8 proxy;      /* so are PROXY headers of datagrams */
  __u8 returns;    /* replies go back to the edge that the request came from (`backend_egress`) */
  __u8 link_bytes; /* before the IP header, for the programs of `tc`: 14 on Ethernet, 0 on devices of layer 3
                    */
  __u8 reserved;   /* 0 */
  __u32 buckets;   /* of `hosts`: a power of two */
  __u32 flow_sets; /* sets of `ways`: a power of two */
  __u32 flow_idle; /* units of 2^30 ns after which the way of a client is forgotten */
  __u32 mtu;       /* bytes of IP packet that replies may have in their tunnel */
  /* Of the endpoints those that most tunnels end at, for which `hosts` is not searched unless `returns`; 0:
   * none. */
  __be32 usual_ipv4;
  struct vip usual_ipv6;
};

/* What an entry of ARRAY `hosts` is about. */
enum host_kind {
  HOST_ENDPOINT = 0, /* an address of this host that tunnels end at; the value is its number */
  HOST_EDGE = 1,     /* an edge; the value is its number, and its index in `edge_counters` */
};

enum host_constant {
  HOST_EDGES = 256,     /* numbers of edges; an endpoint's index in `host_addresses` is its number and this */
  HOST_ENDPOINTS = 256, /* numbers of endpoints */
};

/* Value of ARRAY `host_addresses`. */
struct host_address {
  __be32 address[4];
  __u32 gue; /* of an edge: whether what came from it last was in GUE */
};

/* --- source rewrite ------------------------------------------------------------------------------------ */

/* Settings of source_rewrite.bpf.c, in .rodata. */
struct rewrite_settings {
  struct flow_secret secret;
  __u8 learned;    /* replies leave from the VIP that the request came to */
  __u8 rules;      /* `rewrite_rules` is looked at */
  __u8 link_bytes; /* before the IP header: 14 on Ethernet, 0 on devices of layer 3 */
  __u8 reserved;   /* 0 */
  __u32 flow_sets; /* sets of `requests` and `fragments`: a power of two */
  __u32 flow_idle; /* units of 2^30 ns after which a request is forgotten */
  __u32 buckets;   /* of `vips`: a power of two */
};

enum rewrite_constant {
  RULE_PORTS = 4,      /* of one value of `rewrite_rules` */
  RULE_IPV6 = 1 << 14, /* added to its index */
};

/* Value of ARRAY `rewrite_rules` (BPF_F_MMAPABLE), at index port / 4, of IPv6 at RULE_IPV6 and more:
 * datagrams from local port 4 * index + i leave from the VIP whose index is vips[i] - 1. 0: no rule. */
struct rewrite_rules {
  __u16 vips[RULE_PORTS];
};

/* --- what is remembered (flow_cache.h) ----------------------------------------------------------------- */

enum flow_constant { FLOW_WAYS = 4 };

/* One remembered flow. 16 bytes; both words are written whole, and `check` shows when they do not belong
 * together. */
struct flow_entry {
  __u64 key;   /* of the flow: bits of its hash, or an exact IPv4 key */
  __u16 value; /* index of what it leads to */
  __u16 check; /* follows from the key, and from the epoch of what it leads to; 0: the entry is empty */
  __u32 stamp; /* when it was last used: 2^30 ns since boot */
};

/* Value of ARRAY `flows`, `ways`, `requests`, `fragments`: one line of the processor's cache. */
struct flow_set {
  struct flow_entry ways[FLOW_WAYS];
};

/* --- what is counted ----------------------------------------------------------------------------------- */

/* Value of PERCPU_ARRAY `service_counters`, `backend_counters`, `reason_counters`. */
struct counter {
  __u64 packets;
  __u64 bytes; /* of the IP packet as it came in */
};

/* Index in `reason_counters` of all programs: why a packet was not forwarded, or was not simply forwarded. */
enum reason {
  REASON_FORWARDED = 0,      /* not counted: the sum of all services */
  REASON_PASSED = 1,         /* not for a service: to the host, untouched */
  REASON_MALFORMED = 2,      /* lengths that contradict each other, in a packet for a VIP */
  REASON_FRAGMENT = 3,       /* a fragment, and no service of the VIP takes fragments */
  REASON_NO_BACKEND = 4,     /* nobody has the slot */
  REASON_TTL = 5,            /* TTL or hop limit used up */
  REASON_TOO_BIG = 6,        /* does not fit the backend's path: the client was told */
  REASON_TOO_BIG_SILENT = 7, /* the same, and the limit of messages was reached */
  REASON_NO_ROUTE = 8,       /* the routing table has no way to the backend, or no neighbour */
  REASON_NO_CHECKSUM = 9,    /* no checksum in a datagram that has to have one where it goes (IPv4 to IPv6) */
  REASON_NO_HEADROOM = 10,   /* the driver leaves no room for another header */
  REASON_UNTRUSTED = 11,     /* encapsulated by a host that is not configured */
  REASON_NOT_OURS = 12,      /* a reply through the edge whose source is no VIP and port of a service */
  REASON_ECHO = 13,          /* an echo request to a VIP, answered */
  REASON_ICMP_ERROR = 14,    /* an ICMP error, steered to the backend that it is about */
  REASON_DECAPSULATED = 15,  /* taken out of its tunnel: not counted, the sum of all edges */
  REASON_RETURNED = 16,      /* a reply that went to its client through the edge */
  REASON_REWRITTEN = 17,     /* a datagram whose source was changed */
  REASON_UNKNOWN_FLOW = 18,  /* a reply of which no request is remembered: sent as it was */
  REASON_UNSUPPORTED = 19, /* an encapsulated super-packet (GSO), or what cannot be undone here: passed on */
  REASON_COUNT = 32,
};

/* What happened to one packet in event_mask + 1. */
struct event {
  __u64 time; /* ns since boot */
  __be32 client[4];
  __be32 local[4];
  __be16 client_port;
  __be16 local_port;
  __u16 service; /* index of counters; SERVICE_NONE: none */
  __u16 backend; /* the same; BACKEND_NONE: none */
  __u32 length;  /* bytes of the IP packet */
  __u8 reason;   /* enum reason */
  __u8 protocol;
  __u16 reserved; /* 0 */
};

#endif
