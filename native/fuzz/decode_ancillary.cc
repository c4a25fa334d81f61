// Any bytes as control data: reading them stays inside them, and says nothing that they do not say.

#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cmsg.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of exactly this size on the heap, so that AddressSanitizer sees the first byte read beyond it.
  auto control = std::make_unique<uint8_t[]>(size);
  std::memcpy(control.get(), data, size);

  const udp_dsr::Ancillary out = udp_dsr::DecodeAncillary(control.get(), size);

  // The shortest message is a header and one octet.
  const bool anything = out.has_pktinfo4 || out.has_pktinfo6 || out.has_original4 || out.has_original6 ||
                        out.has_drops || out.tos != 0 || out.segment_size != 0;
  if (anything && size < CMSG_LEN(1)) std::abort();
  return 0;
}
