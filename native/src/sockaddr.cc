#include "sockaddr.h"

#include <cstring>

namespace udp_dsr {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 §2.5.5.2

}  // namespace

bool IsMapped(const uint8_t address[16]) {
  return std::memcmp(address, kMappedPrefix, sizeof kMappedPrefix) == 0;
}

bool IsZero(const uint8_t address[16]) {
  uint64_t halves[2];
  std::memcpy(halves, address, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

void MapIPv4(const in_addr& address, uint8_t out[16]) {
  std::memcpy(out, kMappedPrefix, sizeof kMappedPrefix);
  std::memcpy(out + sizeof kMappedPrefix, &address, sizeof address);
}

void ReadPeer(const SocketAddress& address, Path* path) {
  if (address.generic.sa_family == AF_INET6) {
    path->peer_port = ntohs(address.ipv6.sin6_port);
    path->peer_scope = address.ipv6.sin6_scope_id;
    std::memcpy(path->peer, &address.ipv6.sin6_addr, 16);
    return;
  }
  path->peer_port = ntohs(address.ipv4.sin_port);
  path->peer_scope = 0;
  std::memset(path->peer, 0, 16);
  std::memcpy(path->peer, &address.ipv4.sin_addr, 4);
}

socklen_t WritePeer(const Path& path, int family, SocketAddress* address) {
  if (family == AF_INET6) {
    address->ipv6.sin6_family = AF_INET6;
    address->ipv6.sin6_port = htons(static_cast<uint16_t>(path.peer_port));
    address->ipv6.sin6_flowinfo = 0;
    std::memcpy(&address->ipv6.sin6_addr, path.peer, 16);
    address->ipv6.sin6_scope_id = path.peer_scope;
    return sizeof address->ipv6;
  }
  address->ipv4.sin_family = AF_INET;
  address->ipv4.sin_port = htons(static_cast<uint16_t>(path.peer_port));
  std::memcpy(&address->ipv4.sin_addr, path.peer, 4);
  std::memset(address->ipv4.sin_zero, 0, sizeof address->ipv4.sin_zero);
  return sizeof address->ipv4;
}

}  // namespace udp_dsr
