// Peer addresses: what is read from a socket address is what is written to one.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "sockaddr.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const int family = input.ConsumeBool() ? AF_INET6 : AF_INET;
  udp_dsr::Path path = {};
  path.peer_port = input.ConsumeIntegral<uint16_t>();
  if (family == AF_INET6) path.peer_scope = input.ConsumeIntegral<uint32_t>();
  const std::vector<uint8_t> address = input.ConsumeBytes<uint8_t>(family == AF_INET6 ? 16 : 4);
  if (!address.empty()) std::memcpy(path.peer, address.data(), address.size());

  udp_dsr::SocketAddress written = {};
  const socklen_t length = udp_dsr::WritePeer(path, family, &written);
  if (length != (family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in))) std::abort();
  if (written.generic.sa_family != family) std::abort();

  udp_dsr::Path read = {};
  udp_dsr::ReadPeer(written, &read);
  if (std::memcmp(&read, &path, sizeof path) != 0) std::abort();
  return 0;
}
