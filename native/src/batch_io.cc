#include "batch_io.h"

#include <cerrno>
#include <cstring>

namespace udp_dsr {
namespace {

constexpr size_t kGatherAlignment = 8;

// Largest UDP payload over IPv4; a merged send may not exceed it either (udp(7), UDP_SEGMENT).
constexpr uint32_t kMaxMergedBytes = 65507;

// UDP_MAX_SEGMENTS before Linux 6.9, which refuses more with EINVAL.
constexpr uint32_t kOldMaxSegments = 64;

bool IsLinkLocal(const uint8_t address[16]) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;  // fe80::/10, RFC 4291 §2.5.6
}

// True if two staged sends differ in payload only.
bool SamePath(const Path& a, const Path& b) {
  return a.peer_port == b.peer_port && std::memcmp(a.peer, b.peer, 16) == 0 && a.peer_scope == b.peer_scope &&
         std::memcmp(a.source, b.source, 16) == 0 && a.out_ifindex == b.out_ifindex;
}

// Errors by which the kernel refuses a merged send that it might take piece by piece: segment larger than the
// path's MTU (EINVAL, EMSGSIZE since 6.x), no checksum offload on the device (EIO), a kernel or filter
// without UDP_SEGMENT.
bool RefusesMerging(int error) {
  return error == EINVAL || error == EMSGSIZE || error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

// The region lies open to JavaScript (every payload view leads to it): no offset read from it is trusted.
bool InRegion(uint32_t offset, uint32_t length) {
  return offset <= sizeof(Region) && length <= sizeof(Region) - offset;
}

bool IsValid(const Send& send) { return send.path < kMaxPaths && InRegion(send.offset, send.length); }

}  // namespace

BatchReceiver::BatchReceiver(Region* region) : region_(region) {
  std::memset(messages_, 0, sizeof messages_);
  for (uint32_t i = 0; i < kSlots; ++i) {
    slots_[i] = {region->slab + static_cast<size_t>(i) * kSlotBytes, kSlotBytes};
    msghdr& header = messages_[i].msg_hdr;
    header.msg_name = &names_[i];
    header.msg_iov = &slots_[i];
    header.msg_iovlen = 1;
    header.msg_control = control_[i];
  }
}

BatchReceiver::Result BatchReceiver::Receive(int fd) {
  for (auto& message : messages_) {
    message.msg_hdr.msg_namelen = sizeof(SocketAddress);
    message.msg_hdr.msg_controllen = kReceiveControlBytes;
  }
  int received;
  do {
    received = recvmmsg(fd, messages_, kSlots, MSG_DONTWAIT, nullptr);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return {-errno, 0};

  uint32_t datagrams = 0;
  region_->state.kernel_drops = 0;
  region_->state.truncated = 0;
  for (uint32_t slot = 0; slot < static_cast<uint32_t>(received); ++slot) {
    const Ancillary ancillary = DecodeAncillary(control_[slot], messages_[slot].msg_hdr.msg_controllen);
    FillPath(slot, ancillary);
    if (ancillary.has_drops) region_->state.kernel_drops = ancillary.drops;
    if ((messages_[slot].msg_hdr.msg_flags & MSG_TRUNC) != 0) ++region_->state.truncated;
    datagrams = Expand(slot, ancillary.segment_size, datagrams);
  }
  return {received, datagrams};
}

// Appends the datagrams of one message: one, or as many as GRO merged. Only the last may be cut or short.
uint32_t BatchReceiver::Expand(uint32_t slot, uint32_t segment_size, uint32_t datagrams) {
  const uint32_t total = messages_[slot].msg_len;
  const uint32_t start = static_cast<uint32_t>(offsetof(Region, slab)) + slot * kSlotBytes;
  const uint32_t flags = (messages_[slot].msg_hdr.msg_flags & MSG_TRUNC) != 0 ? kTruncated : 0u;
  if (segment_size == 0 || segment_size >= total) {
    region_->datagrams[datagrams] = {start, total, slot, flags};
    return datagrams + 1;
  }
  const uint32_t room = datagrams + kMaxSegments;
  for (uint32_t at = 0; at < total && datagrams < room; at += segment_size) {
    const uint32_t left = total - at;
    const bool last = left <= segment_size;
    region_->datagrams[datagrams++] = {start + at, last ? left : segment_size, slot, last ? flags : 0u};
  }
  return datagrams;
}

void BatchReceiver::FillPath(uint32_t slot, const Ancillary& ancillary) {
  Path& path = region_->paths[slot];
  const SocketAddress& name = names_[slot];
  ReadPeer(name, &path);
  path.tos = ancillary.tos;
  path.local_port = 0;
  path.ifindex = 0;
  path.out_ifindex = 0;
  std::memset(path.local, 0, sizeof path.local);
  std::memset(path.source, 0, sizeof path.source);

  const bool is_ipv6 = name.generic.sa_family == AF_INET6;
  if (ancillary.has_pktinfo4) {
    // ipi_addr is where the datagram went, ipi_spec_dst the address to answer from: they differ for multicast
    // and broadcast only. A dual-stack socket gets both kinds of pktinfo for IPv4, and only this one for a
    // group.
    const in_pktinfo& info = ancillary.pktinfo4;
    path.ifindex = static_cast<uint32_t>(info.ipi_ifindex);
    if (is_ipv6) {
      MapIPv4(info.ipi_addr, path.local);
      MapIPv4(info.ipi_spec_dst, path.source);
    } else {
      std::memcpy(path.local, &info.ipi_addr, 4);
      std::memcpy(path.source, &info.ipi_spec_dst, 4);
    }
    // The interface is left to routing for unicast: a tunnelled request must not be answered into the tunnel.
    if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr) path.out_ifindex = path.ifindex;
  } else if (ancillary.has_pktinfo6) {
    const in6_pktinfo& info = ancillary.pktinfo6;
    path.ifindex = info.ipi6_ifindex;
    std::memcpy(path.local, &info.ipi6_addr, 16);
    const bool is_multicast = path.local[0] == 0xff;
    if (!is_multicast) std::memcpy(path.source, path.local, 16);
    if (is_multicast || IsLinkLocal(path.local)) path.out_ifindex = path.ifindex;
  }

  if (ancillary.has_original6) {
    path.local_port = ntohs(ancillary.original6.sin6_port);
  } else if (ancillary.has_original4) {
    path.local_port = ntohs(ancillary.original4.sin_port);
  }
}

size_t GatherPayloads(const Region& region, uint32_t count, uint8_t* target, size_t capacity) {
  size_t needed = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Datagram& datagram = region.datagrams[i];
    if (!InRegion(datagram.offset, datagram.length)) return 0;
    needed += (datagram.length + kGatherAlignment - 1) & ~(kGatherAlignment - 1);
  }
  if (needed > capacity) return needed;
  const auto* base = reinterpret_cast<const uint8_t*>(&region);
  size_t at = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Datagram& datagram = region.datagrams[i];
    if (datagram.length == 0) continue;  // `target` may be null when there is nothing at all
    std::memcpy(target + at, base + datagram.offset, datagram.length);
    at += (datagram.length + kGatherAlignment - 1) & ~(kGatherAlignment - 1);
  }
  return needed;
}

BatchSender::BatchSender(Region* region) : region_(region) { std::memset(messages_, 0, sizeof messages_); }

// Appends the pieces of the message that begins with send `first`, and returns how many sends it holds: more
// than one only where UDP_SEGMENT applies, which wants equal sizes (the last may be shorter), one path and
// one TOS.
uint32_t BatchSender::Append(uint32_t first, uint32_t to, const SendState& state, uint32_t* pieces) {
  auto* base = reinterpret_cast<uint8_t*>(region_);
  const Send& head = region_->sends[first];
  iovec* piece = &pieces_[(*pieces)++];
  *piece = {base + head.offset, head.length};
  if (!state.merge || head.length == 0 || head.length >= state.merge_below) return 1;

  const Path& path = region_->paths[head.path];
  const uint32_t by_size = kMaxMergedBytes / head.length;
  const uint32_t limit = by_size < state.max_segments ? by_size : state.max_segments;
  const uint32_t end = to - first < limit ? to : first + limit;
  uint32_t next_offset = head.offset + head.length;
  uint32_t at = first + 1;
  for (; at < end; ++at) {
    const Send& next = region_->sends[at];
    if (next.length > head.length || next.length == 0 || next.flags != head.flags) break;
    if (next.path != head.path && (next.path >= kMaxPaths || !SamePath(region_->paths[next.path], path)))
      break;
    // Neighbours in memory (an echoed GRO aggregate, say) are one piece.
    if (next.offset == next_offset && InRegion(next.offset, next.length)) {
      piece->iov_len += next.length;
    } else {
      if (*pieces == kPieces || !InRegion(next.offset, next.length)) break;
      piece = &pieces_[(*pieces)++];
      *piece = {base + next.offset, next.length};
    }
    next_offset = next.offset + next.length;
    if (next.length < head.length) return at + 1 - first;
  }
  return at - first;
}

// Lays out messages for sends [from, to); stops where its arrays are full or a send is invalid, and sets
// `end` to the first send left out.
uint32_t BatchSender::Build(uint32_t from, uint32_t to, const SendState& state, uint32_t* end) {
  uint32_t count = 0;
  uint32_t pieces = 0;
  uint32_t at = from;
  while (at < to && count < kMessages && pieces < kPieces && IsValid(region_->sends[at])) {
    const Send& head = region_->sends[at];
    const Path& path = region_->paths[head.path];

    msghdr& header = messages_[count].msg_hdr;
    header.msg_iov = &pieces_[pieces];
    const uint32_t merged = Append(at, to, state, &pieces);
    header.msg_iovlen = static_cast<size_t>(&pieces_[pieces] - header.msg_iov);

    if (path.peer_port != 0) {
      header.msg_name = &names_[count];
      header.msg_namelen = WritePeer(path, state.family, &names_[count]);
    } else {
      header.msg_name = nullptr;
      header.msg_namelen = 0;
    }
    const bool is_ipv6 = state.family == AF_INET6;
    const Outgoing outgoing = {
        .is_ipv6 = is_ipv6,
        .peer_is_mapped = is_ipv6 && (path.peer_port != 0 ? IsMapped(path.peer) : state.connected_to_mapped),
        .source = IsZero(path.source) ? nullptr : path.source,
        .ifindex = path.out_ifindex,
        .tos = (head.flags & kHasTos) != 0 ? static_cast<int>(head.flags & kTosMask) : -1,
        .segment_size = merged > 1 ? static_cast<uint16_t>(head.length) : uint16_t{0},
    };
    header.msg_controllen = EncodeAncillary(outgoing, control_[count]);
    header.msg_control = header.msg_controllen != 0 ? control_[count] : nullptr;

    first_send_[count++] = at;
    at += merged;
  }
  first_send_[count] = at;
  *end = at;
  return count;
}

BatchSender::Result BatchSender::Flush(int fd, uint32_t from, uint32_t to, SendState* state) {
  uint32_t at = from;
  uint32_t single_until = from;  // sends before this one leave unmerged: the kernel refused them merged
  while (at < to) {
    const bool retrying = at < single_until;
    SendState build = *state;
    if (retrying) build.merge = false;
    uint32_t end = 0;
    const uint32_t count = Build(at, retrying ? single_until : to, build, &end);
    if (count == 0) return {at, at - from, EFAULT};
    uint32_t sent = 0;
    uint32_t tried_again = count;
    int error = 0;
    while (sent < count && error == 0) {
      const int taken = sendmmsg(fd, messages_ + sent, count - sent, MSG_DONTWAIT);
      if (taken > 0) {
        sent += static_cast<uint32_t>(taken);
      } else if (errno == EINTR) {
        continue;
      } else if (state->queues_errors && errno != EAGAIN && tried_again != sent) {
        // Perhaps not this datagram's error: the call returns, and clears, what an ICMP message left at the
        // socket (sock_error() in sock_alloc_send_pskb(), net/core/sock.c). The error queue tells whose it
        // was.
        tried_again = sent;
      } else {
        error = errno;
      }
    }
    // Singly they went: it was the merging, so merge no more of this size. Had they failed singly too, the
    // fault would be the datagram's, and no peer may slow down the others by it.
    if (retrying && sent > 0 && region_->sends[at].length < state->merge_below) {
      state->merge_below = region_->sends[at].length;
    }
    at = first_send_[sent];
    if (error == 0) continue;
    const uint32_t segments = first_send_[sent + 1] - at;
    if (segments == 1 || !RefusesMerging(error)) return {at, at - from, error};
    if (segments > kOldMaxSegments && error == EINVAL) {
      state->max_segments = kOldMaxSegments;
      continue;
    }
    single_until = first_send_[sent + 1];
  }
  return {to, to - from, 0};
}

}  // namespace udp_dsr
