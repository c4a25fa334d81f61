// Any wish to send: what is written fits its buffer, is well-formed for the system's own CMSG walk, and reads
// back.

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cmsg.h"

namespace {

void Check(bool truth) {
  if (!truth) std::abort();
}

// The kernel's view: every message inside the buffer, nothing left over (CMSG_OK in linux/socket.h). The last
// one may go without its padding.
void CheckWellFormed(uint8_t* control, size_t length) {
  msghdr message = {};
  message.msg_control = control;
  message.msg_controllen = length;
  size_t end = 0;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    Check(at->cmsg_len >= CMSG_LEN(0));
    end = static_cast<size_t>(reinterpret_cast<uint8_t*>(at) - control) + at->cmsg_len;
  }
  Check(end == length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  udp_dsr::Outgoing outgoing = {};
  outgoing.is_ipv6 = input.ConsumeBool();
  outgoing.peer_is_mapped = input.ConsumeBool();
  outgoing.ifindex = input.ConsumeIntegral<uint32_t>();
  outgoing.tos = input.ConsumeIntegralInRange<int>(-1, 255);
  outgoing.segment_size = input.ConsumeIntegral<uint16_t>();
  std::vector<uint8_t> source = input.ConsumeBytes<uint8_t>(outgoing.is_ipv6 ? 16 : 4);
  const bool has_source = source.size() == (outgoing.is_ipv6 ? 16U : 4U);
  outgoing.source = has_source ? source.data() : nullptr;

  // On the heap and of the promised size, so that AddressSanitizer sees the first byte beyond it.
  std::vector<uint8_t> control(udp_dsr::kSendControlBytes);
  const size_t length = udp_dsr::EncodeAncillary(outgoing, control.data());
  Check(length <= control.size());
  CheckWellFormed(control.data(), length);

  // What is sent as source and interface is what a receiver of the same message would read.
  const udp_dsr::Ancillary back = udp_dsr::DecodeAncillary(control.data(), length);
  const bool has_pktinfo = has_source || outgoing.ifindex != 0;
  Check(back.has_pktinfo6 == (has_pktinfo && outgoing.is_ipv6));
  Check(back.has_pktinfo4 == (has_pktinfo && !outgoing.is_ipv6));
  if (back.has_pktinfo6) {
    Check(back.pktinfo6.ipi6_ifindex == outgoing.ifindex);
    if (has_source) Check(std::memcmp(&back.pktinfo6.ipi6_addr, source.data(), source.size()) == 0);
  }
  if (back.has_pktinfo4) {
    Check(static_cast<uint32_t>(back.pktinfo4.ipi_ifindex) == outgoing.ifindex);
    if (has_source) Check(std::memcmp(&back.pktinfo4.ipi_spec_dst, source.data(), source.size()) == 0);
  }
  if (outgoing.tos >= 0) Check(back.tos == static_cast<uint8_t>(outgoing.tos));
  return 0;
}
