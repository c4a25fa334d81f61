// Memory that the addon and JavaScript share, one region per thread. JavaScript reads and writes it through
// typed arrays (src/internal/memory.ts takes every offset from the addon, so it is written down once, here).
// All integers are host order except addresses, which are bytes as on the wire; an IPv4 address fills the
// first four of its bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace udp_dsr {

// recvmmsg takes up to kSlots messages, each into a slot that no UDP datagram and no GRO aggregate overflows.
// Only the pages that payloads reach are ever touched.
constexpr uint32_t kSlots = 64;
constexpr uint32_t kSlotBytes = 65536;

// A GRO aggregate holds at most 128 datagrams (UDP_MAX_SEGMENTS, linux/udp.h; 64 before Linux 6.9).
constexpr uint32_t kMaxSegments = 128;
constexpr uint32_t kMaxDatagrams = kSlots * kMaxSegments;

// Datagrams staged for sending, the paths that explicit destinations need, and room for copied payloads.
constexpr uint32_t kMaxSends = kMaxDatagrams;
constexpr uint32_t kSendPaths = 1024;
constexpr uint32_t kMaxPaths = kSlots + kSendPaths + 1;
constexpr uint32_t kNamePath = kMaxPaths - 1;  // for bind, connect and getsockname
constexpr uint32_t kScratchBytes = 1 << 20;

enum DatagramFlags : uint32_t { kTruncated = 1 };

// One received datagram. `offset` is from the start of the region.
struct Datagram {
  uint32_t offset;
  uint32_t length;
  uint32_t path;
  uint32_t flags;
};

// Both ends of a datagram. Received: filled from msg_name and the control messages. Sent: `peer`, `source`,
// `out_ifindex` are used; peer_port 0 means the connected peer, a zero source lets the kernel choose.
struct Path {
  uint32_t peer_port;
  uint32_t peer_scope;
  uint8_t peer[16];
  uint32_t local_port;   // original destination port under TPROXY, else 0: the socket's own
  uint32_t ifindex;      // interface of arrival
  uint8_t local[16];     // destination; zero when the kernel did not say
  uint8_t source[16];    // address to reply from
  uint32_t out_ifindex;  // interface to leave through; 0: routing decides
  uint32_t tos;
};

enum SendFlags : uint32_t { kHasTos = 0x100, kTosMask = 0xff };

// One datagram to send.
struct Send {
  uint32_t offset;
  uint32_t length;
  uint32_t path;
  uint32_t flags;
};

struct State {
  uint32_t cursor;        // datagrams of the current batch that JavaScript has taken
  int32_t error;          // errno that stopped the last flush, 0 if none
  uint32_t kernel_drops;  // last SO_RXQ_OVFL counter seen in the current batch, 0 if none
  uint32_t truncated;     // datagrams of the current batch that were cut
};

struct Region {
  State state;
  Datagram datagrams[kMaxDatagrams];
  Path paths[kMaxPaths];
  Send sends[kMaxSends];
  alignas(64) uint8_t scratch[kScratchBytes];
  alignas(4096) uint8_t slab[static_cast<size_t>(kSlots) * kSlotBytes];
};

static_assert(sizeof(Datagram) == 16 && sizeof(Send) == 16 && sizeof(State) == 16);
static_assert(sizeof(Path) == 72, "no padding: JavaScript addresses it in 32-bit words");
static_assert(sizeof(Region) <= UINT32_MAX, "offsets are 32 bits");

}  // namespace udp_dsr
