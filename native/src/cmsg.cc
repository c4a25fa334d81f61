#include "cmsg.h"

#include <netinet/udp.h>
#include <sys/socket.h>

#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace udp_dsr {
namespace {

// Copies a fixed-size value if the message is long enough; control data is not aligned for every type.
template <typename T>
bool Take(const uint8_t* data, size_t length, T* value) {
  if (length < sizeof(T)) return false;
  std::memcpy(value, data, sizeof(T));
  return true;
}

void DecodeIPv4(int type, const uint8_t* data, size_t length, Ancillary* out) {
  if (type == IP_PKTINFO) {
    out->has_pktinfo4 = Take(data, length, &out->pktinfo4);
  } else if (type == IP_TOS) {
    Take(data, length, &out->tos);  // one octet, unlike every other integer here
  } else if (type == IP_ORIGDSTADDR) {
    out->has_original4 = Take(data, length, &out->original4);
  }
}

void DecodeIPv6(int type, const uint8_t* data, size_t length, Ancillary* out) {
  if (type == IPV6_PKTINFO) {
    out->has_pktinfo6 = Take(data, length, &out->pktinfo6);
  } else if (type == IPV6_TCLASS) {
    int traffic_class = 0;
    if (Take(data, length, &traffic_class)) out->tos = static_cast<uint8_t>(traffic_class);
  } else if (type == IPV6_ORIGDSTADDR) {
    out->has_original6 = Take(data, length, &out->original6);
  }
}

// Writes messages one behind the other. The length ends with the last one's data, not with its padding: so a
// lone IPV6_PKTINFO fits the 36 bytes that the kernel keeps on its stack, and needs no allocation
// (____sys_sendmsg).
class ControlWriter {
 public:
  explicit ControlWriter(uint8_t* control) : control_(control) {}

  template <typename T>
  void Append(int level, int type, const T& value) {
    auto* header = reinterpret_cast<cmsghdr*>(control_ + next_);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(T));
    std::memcpy(CMSG_DATA(header), &value, sizeof(T));
    length_ = next_ + CMSG_LEN(sizeof(T));
    next_ += CMSG_SPACE(sizeof(T));
  }

  size_t length() const { return length_; }

 private:
  uint8_t* control_;
  size_t next_ = 0;
  size_t length_ = 0;
};

}  // namespace

Ancillary DecodeAncillary(const uint8_t* control, size_t length) {
  Ancillary out;
  size_t at = 0;
  // Not CMSG_NXTHDR: it trusts cmsg_len of the current message before it has looked at it.
  while (length - at >= sizeof(cmsghdr)) {
    cmsghdr header;
    std::memcpy(&header, control + at, sizeof header);
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > length - at) break;
    const uint8_t* data = control + at + CMSG_LEN(0);
    const size_t size = header.cmsg_len - CMSG_LEN(0);
    if (header.cmsg_level == IPPROTO_IP) {
      DecodeIPv4(header.cmsg_type, data, size, &out);
    } else if (header.cmsg_level == IPPROTO_IPV6) {
      DecodeIPv6(header.cmsg_type, data, size, &out);
    } else if (header.cmsg_level == IPPROTO_UDP && header.cmsg_type == UDP_GRO) {
      int segment_size = 0;
      if (Take(data, size, &segment_size)) out.segment_size = static_cast<uint16_t>(segment_size);
    } else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SO_RXQ_OVFL) {
      out.has_drops = Take(data, size, &out.drops);
    }
    const size_t space = CMSG_ALIGN(header.cmsg_len);
    if (space >= length - at) break;
    at += space;
  }
  return out;
}

size_t EncodeAncillary(const Outgoing& outgoing, uint8_t* control) {
  ControlWriter writer(control);
  if (outgoing.source != nullptr || outgoing.ifindex != 0) {
    if (outgoing.is_ipv6) {
      in6_pktinfo info = {};
      if (outgoing.source != nullptr) std::memcpy(&info.ipi6_addr, outgoing.source, sizeof info.ipi6_addr);
      info.ipi6_ifindex = outgoing.ifindex;
      writer.Append(IPPROTO_IPV6, IPV6_PKTINFO, info);
    } else {
      in_pktinfo info = {};
      if (outgoing.source != nullptr)
        std::memcpy(&info.ipi_spec_dst, outgoing.source, sizeof info.ipi_spec_dst);
      info.ipi_ifindex = static_cast<int>(outgoing.ifindex);
      writer.Append(IPPROTO_IP, IP_PKTINFO, info);
    }
  }
  if (outgoing.tos >= 0) {
    const bool ipv6_header = outgoing.is_ipv6 && !outgoing.peer_is_mapped;
    writer.Append(ipv6_header ? IPPROTO_IPV6 : IPPROTO_IP, ipv6_header ? IPV6_TCLASS : IP_TOS, outgoing.tos);
  }
  if (outgoing.segment_size != 0) writer.Append(IPPROTO_UDP, UDP_SEGMENT, outgoing.segment_size);
  return writer.length();
}

}  // namespace udp_dsr
