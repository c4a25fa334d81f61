// Socket addresses to and from the fields of a Path.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "layout.h"

namespace udp_dsr {

// Large enough for both families and a quarter of sockaddr_storage.
union SocketAddress {
  sockaddr generic;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

bool IsMapped(const uint8_t address[16]);
bool IsZero(const uint8_t address[16]);
void MapIPv4(const in_addr& address, uint8_t out[16]);

// Reads `address` into peer, peer_port and peer_scope.
void ReadPeer(const SocketAddress& address, Path* path);

// Writes peer, peer_port and peer_scope as an address of `family`; returns its length.
socklen_t WritePeer(const Path& path, int family, SocketAddress* address);

}  // namespace udp_dsr
