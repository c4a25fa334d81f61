#include "sockaddr.h"

#include <cstring>

#include "check.h"
#include "loopback.h"

using loopback::Address;
using udp_dsr::Path;
using udp_dsr::SocketAddress;

namespace {

Path Dirty() {
  Path path;
  std::memset(&path, 0xa5, sizeof path);
  return path;
}

}  // namespace

TEST(sockaddr_reads_ipv4) {
  Path path = Dirty();
  udp_dsr::ReadPeer(Address(AF_INET, "192.0.2.129", 65535), &path);
  const uint8_t want[16] = {192, 0, 2, 129};
  EXPECT_EQ(path.peer_port, 65535u);
  EXPECT_EQ(path.peer_scope, 0u);
  EXPECT_EQ(std::memcmp(path.peer, want, sizeof want), 0);
}

TEST(sockaddr_reads_ipv6_with_scope) {
  SocketAddress address = Address(AF_INET6, "fe80::1234", 53);
  address.ipv6.sin6_scope_id = 0xfffffffe;
  Path path = Dirty();
  udp_dsr::ReadPeer(address, &path);
  EXPECT_EQ(path.peer_port, 53u);
  EXPECT_EQ(path.peer_scope, 0xfffffffeu);
  EXPECT_EQ(std::memcmp(path.peer, &address.ipv6.sin6_addr, 16), 0);
}

TEST(sockaddr_writes_what_it_reads) {
  for (const int family : {AF_INET, AF_INET6}) {
    SocketAddress address = Address(family, family == AF_INET ? "127.1.2.3" : "2001:db8::5", 4711);
    if (family == AF_INET6) address.ipv6.sin6_scope_id = 7;
    Path path = Dirty();
    udp_dsr::ReadPeer(address, &path);
    SocketAddress back;
    std::memset(&back, 0x5a, sizeof back);
    const socklen_t length = udp_dsr::WritePeer(path, family, &back);
    EXPECT_EQ(length, family == AF_INET ? sizeof back.ipv4 : sizeof back.ipv6);
    EXPECT_EQ(std::memcmp(&back, &address, length), 0);
  }
}

TEST(sockaddr_write_leaves_no_byte_of_the_address_unset) {
  Path path = {};
  SocketAddress ones, zeros;
  for (const int family : {AF_INET, AF_INET6}) {
    std::memset(&ones, 0xff, sizeof ones);
    std::memset(&zeros, 0, sizeof zeros);
    const socklen_t length = udp_dsr::WritePeer(path, family, &ones);
    udp_dsr::WritePeer(path, family, &zeros);
    EXPECT_EQ(std::memcmp(&ones, &zeros, length), 0);
  }
}

TEST(sockaddr_maps_ipv4) {
  uint8_t mapped[16];
  udp_dsr::MapIPv4(Address(AF_INET, "203.0.113.9", 0).ipv4.sin_addr, mapped);
  const SocketAddress want = Address(AF_INET6, "::ffff:203.0.113.9", 0);
  EXPECT_EQ(std::memcmp(mapped, &want.ipv6.sin6_addr, sizeof mapped), 0);
  EXPECT(udp_dsr::IsMapped(mapped));
  for (int i = 0; i < 12; ++i) {
    uint8_t other[16];
    std::memcpy(other, mapped, sizeof other);
    other[i] ^= 1;
    EXPECT(!udp_dsr::IsMapped(other));
  }
}

TEST(sockaddr_zero_means_every_byte) {
  uint8_t address[17] = {};
  EXPECT(udp_dsr::IsZero(address));
  EXPECT(udp_dsr::IsZero(address + 1));  // at any alignment
  for (int i = 0; i < 16; ++i) {
    address[i] = 1;
    EXPECT(!udp_dsr::IsZero(address));
    address[i] = 0;
  }
}
