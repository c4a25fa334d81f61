// Anything staged in a region that JavaScript wrote, sent through a kernel that takes as much as it pleases
// and fails as it pleases: nothing outside of the region is sent, nothing twice, nothing out of order,
// nothing lost without a word.

#include <fuzzer/FuzzedDataProvider.h>
#include <netinet/udp.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "batch_io.h"

using udp_dsr::kMaxPaths;
using udp_dsr::Path;
using udp_dsr::Region;
using udp_dsr::Send;

namespace {

constexpr uint32_t kMostSends = 400;
constexpr int kErrors[] = {EAGAIN,  EINTR,      EINVAL,      EMSGSIZE, EIO,         EPERM,
                           ENOBUFS, EOPNOTSUPP, ENOPROTOOPT, EBADF,    ECONNREFUSED};

void Check(bool truth) {
  if (!truth) std::abort();
}

Region* region = std::make_unique<Region>().release();  // its redzones guard both of its ends
FuzzedDataProvider* input = nullptr;
uint32_t next = 0;   // first send that the kernel has not taken
uint32_t until = 0;  // end of those staged
int family = 0;

// 0 for a lone datagram.
uint16_t SegmentSize(const msghdr& header) {
  uint16_t size = 0;
  size_t end = 0;
  auto* message = const_cast<msghdr*>(&header);
  for (cmsghdr* at = CMSG_FIRSTHDR(message); at != nullptr; at = CMSG_NXTHDR(message, at)) {
    Check(at->cmsg_len >= CMSG_LEN(0));
    end = static_cast<size_t>(reinterpret_cast<uint8_t*>(at) - static_cast<uint8_t*>(header.msg_control)) +
          at->cmsg_len;
    if (at->cmsg_level != IPPROTO_UDP) continue;
    Check(at->cmsg_type == UDP_SEGMENT && at->cmsg_len == CMSG_LEN(sizeof size) && size == 0);
    std::memcpy(&size, CMSG_DATA(at), sizeof size);
    Check(size != 0);
  }
  Check(end == header.msg_controllen && end <= udp_dsr::kSendControlBytes);
  return size;
}

// One message holds the sends from `at` on, byte for byte; returns the first behind them.
uint32_t CheckMessage(const msghdr& header, uint32_t at) {
  const auto* begin = reinterpret_cast<const uint8_t*>(region);
  const uint16_t segment_size = SegmentSize(header);
  Check(header.msg_iovlen >= 1 && header.msg_iovlen <= 1024);
  size_t total = 0;
  const uint32_t first = at;
  for (size_t i = 0; i < header.msg_iovlen; ++i) {
    const auto* bytes = static_cast<const uint8_t*>(header.msg_iov[i].iov_base);
    size_t left = header.msg_iov[i].iov_len;
    Check(bytes >= begin && left <= sizeof(Region) && bytes + left <= begin + sizeof(Region));
    total += left;
    do {
      Check(at < until);
      const Send& send = region->sends[at];
      Check(bytes == begin + send.offset && send.length <= left);
      bytes += send.length;
      left -= send.length;
      ++at;
    } while (left > 0);
  }
  const Path& path = region->paths[region->sends[first].path];
  if (segment_size == 0) {
    Check(at == first + 1);
  } else {
    Check(at > first + 1 && at - first <= udp_dsr::kMaxSegments && total <= 65507);
    for (uint32_t i = first; i < at; ++i) {
      const Send& send = region->sends[i];
      Check(send.length == segment_size || (i == at - 1 && send.length < segment_size && send.length > 0));
      Check(send.flags == region->sends[first].flags);
      const Path& other = region->paths[send.path];
      Check(other.peer_port == path.peer_port && std::memcmp(other.source, path.source, 16) == 0);
    }
  }
  const bool named = path.peer_port != 0;
  Check((header.msg_name != nullptr) == named);
  Check(header.msg_namelen == (!named ? 0 : family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)));
  return at;
}

// Mostly what the outbox would write, sometimes anything.
Send AnySend(const Send& before) {
  const auto scratch = static_cast<uint32_t>(offsetof(Region, scratch));
  const auto size = static_cast<uint32_t>(sizeof(Region));
  uint32_t offset = 0;
  switch (input->ConsumeIntegralInRange(0, 15)) {
    case 15:
      return {input->ConsumeIntegral<uint32_t>(), input->ConsumeIntegral<uint32_t>(),
              input->ConsumeIntegral<uint32_t>(), input->ConsumeIntegral<uint32_t>()};
    case 14:
      offset = size - input->ConsumeIntegralInRange<uint32_t>(0, 400);
      break;
    case 13:
    case 12:
    case 11:
      offset = before.offset + before.length;  // its neighbour in memory
      break;
    default:
      offset = scratch + input->ConsumeIntegralInRange<uint32_t>(0, 2000);
  }
  const uint32_t longest = input->ConsumeBool() ? 400 : 70'000;
  return {offset, input->ConsumeIntegralInRange<uint32_t>(0, longest),
          input->ConsumeIntegralInRange<uint32_t>(0, 3), input->ConsumeBool() ? udp_dsr::kHasTos | 3u : 0u};
}

}  // namespace

extern "C" int __wrap_recvmmsg(int, mmsghdr*, unsigned, int, timespec*) { std::abort(); }

extern "C" int __wrap_sendmmsg(int, mmsghdr* messages, unsigned count, int) {
  Check(count >= 1 && count <= 1024);
  uint32_t at = next;
  for (unsigned i = 0; i < count; ++i) at = CheckMessage(messages[i].msg_hdr, at);
  if (input->remaining_bytes() > 0 && input->ConsumeBool()) {
    errno = input->PickValueInArray(kErrors);
    return -1;
  }
  const bool all = input->remaining_bytes() == 0 || input->ConsumeBool();
  const unsigned taken = all ? count : input->ConsumeIntegralInRange<unsigned>(1, count);
  for (unsigned i = 0; i < taken; ++i) next = CheckMessage(messages[i].msg_hdr, next);
  return static_cast<int>(taken);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto sender = std::make_unique<udp_dsr::BatchSender>(region);
  FuzzedDataProvider provider(data, size);
  input = &provider;
  family = input->ConsumeBool() ? AF_INET6 : AF_INET;
  udp_dsr::SendState state{.family = family};
  state.connected_to_mapped = input->ConsumeBool();
  state.merge = input->ConsumeBool();
  state.queues_errors = input->ConsumeBool();
  if (input->ConsumeBool()) state.merge_below = input->ConsumeIntegralInRange<uint32_t>(0, 65536);
  for (uint32_t i = 0; i < 4; ++i) {
    Path& path = region->paths[i];
    path = {};
    path.peer_port = input->ConsumeBool() ? 53 : 0;
    path.peer[0] = input->ConsumeIntegral<uint8_t>() & 1;
    path.source[15] = input->ConsumeIntegral<uint8_t>() & 1;
    path.out_ifindex = input->ConsumeBool() ? 1 : 0;
  }
  until = input->ConsumeIntegralInRange<uint32_t>(0, kMostSends);
  Send like = {};
  for (uint32_t i = 0; i < until; ++i) {
    // Runs of like datagrams are what merging is about; apart in memory, on top of each other, or neighbours.
    const int kind = i == 0 ? 0 : input->ConsumeIntegralInRange(0, 15);
    if (kind < 2) {
      like = AnySend(like);
    } else if (kind < 6) {
      like.offset += like.length;
    }
    region->sends[i] = like;
  }

  // As the outbox does: what fails is told, and the rest goes on behind it.
  next = 0;
  while (next < until) {
    const uint32_t from = next;
    const auto result = sender->Flush(0, from, until, &state);
    Check(result.next == next && result.datagrams == next - from);
    Check((result.error == 0) == (next == until));
    if (result.error == EFAULT) {
      const Send& send = region->sends[next];
      Check(send.path >= kMaxPaths || send.offset > sizeof(Region) ||
            send.length > sizeof(Region) - send.offset);
    }
    ++next;
  }
  return 0;
}
