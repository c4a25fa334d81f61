// Any datagrams with any control data from the kernel: the table that JavaScript reads stays inside the
// slots, and packing payloads stays inside the target, whatever JavaScript has made of the table.

#include <fuzzer/FuzzedDataProvider.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "batch_io.h"

using udp_dsr::Datagram;
using udp_dsr::kSlotBytes;
using udp_dsr::kSlots;
using udp_dsr::Region;

namespace {

void Check(bool truth) {
  if (!truth) std::abort();
}

Region* region = std::make_unique<Region>().release();  // its redzones guard both of its ends
FuzzedDataProvider* input = nullptr;
uint32_t lengths[kSlots];

// Mostly a GRO size, for that is what is counted with.
size_t FillControl(uint8_t* control) {
  if (input->ConsumeBool()) {
    const int size = input->ConsumeIntegralInRange(-1, 70'000);
    const cmsghdr header = {
        .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_GRO};
    std::memcpy(control, &header, sizeof header);
    std::memcpy(control + CMSG_LEN(0), &size, sizeof size);
    return CMSG_SPACE(sizeof size);
  }
  const auto bytes = input->ConsumeBytes<uint8_t>(input->ConsumeIntegralInRange<size_t>(0, 256));
  std::copy(bytes.begin(), bytes.end(), control);
  return bytes.size();
}

}  // namespace

extern "C" int __wrap_sendmmsg(int, mmsghdr*, unsigned, int) { std::abort(); }

extern "C" int __wrap_recvmmsg(int, mmsghdr* messages, unsigned count, int, timespec*) {
  Check(count == kSlots);
  if (input->ConsumeIntegralInRange(0, 31) == 31) {
    errno = EAGAIN;
    return -1;
  }
  const auto received = input->ConsumeIntegralInRange<unsigned>(1, count);
  for (unsigned i = 0; i < received; ++i) {
    msghdr& header = messages[i].msg_hdr;
    Check(header.msg_namelen >= sizeof(sockaddr_in6) && header.msg_iov[0].iov_len == kSlotBytes);
    Check(header.msg_controllen == udp_dsr::kReceiveControlBytes);
    auto* name = static_cast<sockaddr*>(header.msg_name);
    name->sa_family = input->ConsumeBool() ? AF_INET6 : AF_INET;
    header.msg_controllen = FillControl(static_cast<uint8_t*>(header.msg_control));
    header.msg_flags = input->ConsumeBool() ? MSG_TRUNC : 0;
    messages[i].msg_len = lengths[i] = input->ConsumeIntegralInRange<uint32_t>(0, kSlotBytes);
  }
  return static_cast<int>(received);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto receiver = std::make_unique<udp_dsr::BatchReceiver>(region);
  FuzzedDataProvider provider(data, size);
  input = &provider;

  const auto result = receiver->Receive(0);
  if (result.messages < 0) return 0;
  const auto messages = static_cast<uint32_t>(result.messages);
  Check(result.datagrams >= messages && result.datagrams <= udp_dsr::kMaxDatagrams);
  uint32_t at = 0;
  for (uint32_t slot = 0; slot < messages; ++slot) {
    // In order, without gaps, each in the slot that its path belongs to.
    uint32_t offset = static_cast<uint32_t>(offsetof(Region, slab)) + slot * kSlotBytes;
    uint32_t total = 0;
    const uint32_t first = at;
    for (; at < result.datagrams && region->datagrams[at].path == slot; ++at) {
      const Datagram& datagram = region->datagrams[at];
      Check(datagram.offset == offset + total);
      Check(datagram.length <= region->datagrams[first].length);
      total += datagram.length;
    }
    Check(at > first && at - first <= udp_dsr::kMaxSegments);
    Check(total == lengths[slot] || (at - first == udp_dsr::kMaxSegments && total < lengths[slot]));
  }
  Check(at == result.datagrams);

  for (int changes = input->ConsumeIntegralInRange(0, 4); changes > 0; --changes) {
    Datagram& datagram = region->datagrams[input->ConsumeIntegralInRange<uint32_t>(0, result.datagrams - 1)];
    datagram.offset = input->ConsumeIntegral<uint32_t>();
    datagram.length = input->ConsumeIntegral<uint32_t>();
  }
  // The target has the size that it says, on the heap. Not more than a batch of small datagrams needs: it is
  // allocated for each input.
  std::vector<uint8_t> target(input->ConsumeIntegralInRange<size_t>(0, 1 << 16));
  const size_t needed = udp_dsr::GatherPayloads(*region, result.datagrams, target.data(), target.size());
  Check(needed % 8 == 0);
  return 0;
}
