// Any bytes as control data: reading them stays inside them, and says what the system's own macros say.

#include <netinet/udp.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cmsg.h"

namespace {

void Check(bool truth) {
  if (!truth) std::abort();
}

// A second opinion on the messages that everything hangs on. The macros trust lengths that the kernel pads,
// so they may be asked only about data of such a length.
void CheckByMacros(const uint8_t* data, size_t size, const udp_dsr::Ancillary& out) {
  auto control = std::make_unique<uint64_t[]>(size / sizeof(uint64_t) + 1);  // aligned as cmsghdr wants it
  std::memcpy(control.get(), data, size);
  msghdr message = {};
  message.msg_control = control.get();
  message.msg_controllen = size;
  const auto* end = reinterpret_cast<const uint8_t*>(control.get()) + size;
  bool has_pktinfo4 = false, has_pktinfo6 = false;
  in_pktinfo pktinfo4;
  in6_pktinfo pktinfo6;
  uint16_t segment_size = 0;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    const auto left = static_cast<size_t>(end - reinterpret_cast<const uint8_t*>(at));
    if (at->cmsg_len < CMSG_LEN(0) || at->cmsg_len > left) break;
    const size_t length = at->cmsg_len - CMSG_LEN(0);
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      has_pktinfo4 = length >= sizeof pktinfo4;
      if (has_pktinfo4) std::memcpy(&pktinfo4, CMSG_DATA(at), sizeof pktinfo4);
    } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      has_pktinfo6 = length >= sizeof pktinfo6;
      if (has_pktinfo6) std::memcpy(&pktinfo6, CMSG_DATA(at), sizeof pktinfo6);
    } else if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_GRO && length >= sizeof(int)) {
      int number;
      std::memcpy(&number, CMSG_DATA(at), sizeof number);
      segment_size = static_cast<uint16_t>(number);
    }
  }
  Check(out.has_pktinfo4 == has_pktinfo4 && out.has_pktinfo6 == has_pktinfo6);
  Check(out.segment_size == segment_size);
  if (has_pktinfo4) Check(std::memcmp(&out.pktinfo4, &pktinfo4, sizeof pktinfo4) == 0);
  if (has_pktinfo6) Check(std::memcmp(&out.pktinfo6, &pktinfo6, sizeof pktinfo6) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of exactly this size on the heap, so that AddressSanitizer sees the first byte read beyond it.
  auto control = std::make_unique<uint8_t[]>(size);
  std::memcpy(control.get(), data, size);

  const udp_dsr::Ancillary out = udp_dsr::DecodeAncillary(control.get(), size);

  // The shortest message is a header and one octet.
  const bool anything = out.has_pktinfo4 || out.has_pktinfo6 || out.has_original4 || out.has_original6 ||
                        out.has_drops || out.tos != 0 || out.segment_size != 0;
  if (anything) Check(size >= CMSG_LEN(1));
  if (size == CMSG_ALIGN(size)) CheckByMacros(data, size, out);
  return 0;
}
