// Control messages of UDP sockets: bytes in, struct out, and back. No socket and no JavaScript in here.
// Sources: ip(7), ipv6(7), udp(7), RFC 3542 §6, linux/net/ipv4/ip_sockglue.c.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>

namespace udp_dsr {

// Everything the socket can be told about one datagram, in the order of likelihood.
struct Ancillary {
  bool has_pktinfo4 = false;
  bool has_pktinfo6 = false;
  bool has_original4 = false;
  bool has_original6 = false;
  bool has_drops = false;
  uint8_t tos = 0;
  uint16_t segment_size = 0;  // 0: a lone datagram
  uint32_t drops = 0;
  in_pktinfo pktinfo4;
  in6_pktinfo pktinfo6;
  sockaddr_in original4;
  sockaddr_in6 original6;
};

// Room for every control message that Ancillary knows, at once: a buffer too small would lose IP_PKTINFO too.
constexpr size_t kReceiveControlBytes = 256;

// Reads `length` bytes of control data. Unknown messages are passed over; a malformed one ends the walk.
Ancillary DecodeAncillary(const uint8_t* control, size_t length);

// What one sendmsg carries beside its payload.
struct Outgoing {
  bool is_ipv6;                     // family of the socket
  bool peer_is_mapped;              // IPv4 peer of an IPv6 socket: its TOS travels as IP_TOS
  const uint8_t* source = nullptr;  // 4 or 16 bytes by family, or null: the kernel chooses
  uint32_t ifindex = 0;             // 0: routing decides
  int tos = -1;                     // -1: the socket's own
  uint16_t segment_size = 0;        // 0: no UDP_SEGMENT
};

// Room for IPV6_PKTINFO, IPV6_TCLASS and UDP_SEGMENT together.
constexpr size_t kSendControlBytes = 96;

// Writes control messages to `control` (kSendControlBytes, aligned for cmsghdr); returns their length, 0 for
// none.
size_t EncodeAncillary(const Outgoing& outgoing, uint8_t* control);

}  // namespace udp_dsr
