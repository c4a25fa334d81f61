#include "udp_tuple.h"

#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "check.h"
#include "loopback.h"

using loopback::Address;
using loopback::Receive;
using loopback::Send;
using loopback::Socket;
using udp_dsr::ClaimUdpTuple;
using udp_dsr::OpenUdpExclusive;
using udp_dsr::SocketAddress;
using udp_dsr::UdpDiag;

namespace {

constexpr int kNoPatience = 0;

// A port that is free now.
uint16_t FreePort(int family, const char* address) {
  Socket probe(family);
  probe.Bind(address);
  return probe.port();
}

std::string ReadFrom(int fd) {
  char buffer[64];
  const ssize_t size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  return size < 0 ? "(none)" : std::string(buffer, static_cast<size_t>(size));
}

void ClaimsOnce(int family, const char* address, const char* other) {
  UdpDiag diag;
  Socket peer(family);
  peer.Bind(address);
  const SocketAddress local = Address(family, other, FreePort(family, other));
  const SocketAddress remote = Address(family, address, peer.port());

  const int first = ClaimUdpTuple(&diag, local, remote, kNoPatience);
  EXPECT(first >= 0);
  EXPECT_EQ(ClaimUdpTuple(&diag, local, remote, kNoPatience), -EEXIST);
  const int other_peer = ClaimUdpTuple(&diag, local, Address(family, address, 9), kNoPatience);
  EXPECT(other_peer >= 0);

  Send(peer, local, "for the first");
  EXPECT_EQ(ReadFrom(first) == "for the first", true);
  EXPECT_EQ(ReadFrom(other_peer) == "(none)", true);

  close(first);
  const int again = ClaimUdpTuple(&diag, local, remote, kNoPatience);
  EXPECT(again >= 0);
  EXPECT_EQ(fcntl(again, F_GETFD), FD_CLOEXEC);
  EXPECT((fcntl(again, F_GETFL) & O_NONBLOCK) != 0);
  close(again);
  close(other_peer);
}

}  // namespace

TEST(udp_tuple_is_claimed_once_ipv4) { ClaimsOnce(AF_INET, "127.0.0.1", "127.0.0.2"); }

TEST(udp_tuple_is_claimed_once_ipv6) { ClaimsOnce(AF_INET6, "::1", "::1"); }

TEST(udp_tuple_of_a_foreign_socket_is_respected) {
  UdpDiag diag;
  Socket foreign(AF_INET);
  foreign.Set(SOL_SOCKET, SO_REUSEPORT, 1);
  foreign.Bind("127.0.0.1");
  const SocketAddress local = Address(AF_INET, "127.0.0.1", foreign.port());
  const SocketAddress remote = Address(AF_INET, "127.0.0.1", 9);
  EXPECT_EQ(connect(foreign.fd(), &remote.generic, sizeof remote.ipv4), 0);
  EXPECT_EQ(ClaimUdpTuple(&diag, local, remote, kNoPatience), -EEXIST);
}

TEST(udp_tuple_needs_a_port_that_is_shared) {
  UdpDiag diag;
  Socket alone(AF_INET);
  alone.Bind("127.0.0.1");
  const SocketAddress local = Address(AF_INET, "127.0.0.1", alone.port());
  EXPECT_EQ(ClaimUdpTuple(&diag, local, Address(AF_INET, "127.0.0.1", 9), kNoPatience), -EADDRINUSE);
}

TEST(udp_tuple_is_not_taken_while_its_local_end_is_locked) {
  const uint16_t port = FreePort(AF_INET, "127.0.0.1");
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, "\0udp-dsr/udp\0", 13);
  const uint16_t family = AF_INET;
  const uint16_t wire_port = htons(port);
  std::memcpy(name.sun_path + 13, &family, 2);
  std::memcpy(name.sun_path + 15, &wire_port, 2);
  const uint32_t loopback_address = htonl(INADDR_LOOPBACK);
  std::memcpy(name.sun_path + 17, &loopback_address, 4);
  const int lock = socket(AF_UNIX, SOCK_DGRAM, 0);
  EXPECT_EQ(bind(lock, reinterpret_cast<sockaddr*>(&name), offsetof(sockaddr_un, sun_path) + 13 + 20), 0);

  UdpDiag diag;
  const SocketAddress local = Address(AF_INET, "127.0.0.1", port);
  const SocketAddress remote = Address(AF_INET, "127.0.0.1", 9);
  EXPECT_EQ(ClaimUdpTuple(&diag, local, remote, kNoPatience), -EBUSY);
  EXPECT_EQ(ClaimUdpTuple(&diag, local, remote, 5), -EBUSY);
  const int neighbour = ClaimUdpTuple(&diag, Address(AF_INET, "127.0.0.2", port), remote, kNoPatience);
  EXPECT(neighbour >= 0);
  close(neighbour);
  close(lock);
  const int claimed = ClaimUdpTuple(&diag, local, remote, kNoPatience);
  EXPECT(claimed >= 0);
  close(claimed);
}

// Between bind and connect a socket takes datagrams from anybody.
TEST(udp_tuple_drops_what_strangers_sent_before_it_was_connected) {
  UdpDiag diag;
  Socket stranger(AF_INET);
  stranger.Bind("127.0.0.1");
  Socket peer(AF_INET);
  peer.Bind("127.0.0.1");
  const SocketAddress local = Address(AF_INET, "127.0.0.1", FreePort(AF_INET, "127.0.0.1"));
  const SocketAddress remote = Address(AF_INET, "127.0.0.1", peer.port());
  int meddled = 0;
  loopback::kernel.connect = [&](int fd, const sockaddr* name, socklen_t length) {
    if (name->sa_family == AF_INET &&
        reinterpret_cast<const sockaddr_in*>(name)->sin_port == htons(peer.port())) {
      Send(stranger, local, "not for you");
      ++meddled;
    }
    return loopback::RealConnect(fd, name, length);
  };
  const int shared = ClaimUdpTuple(&diag, local, remote, kNoPatience);
  EXPECT_EQ(meddled, 1);
  EXPECT_EQ(ReadFrom(shared) == "(none)", true);
  Send(peer, local, "hello");
  EXPECT_EQ(ReadFrom(shared) == "hello", true);
  close(shared);

  const int exclusive = OpenUdpExclusive(local, remote, 0, 0);
  EXPECT_EQ(meddled, 2);
  EXPECT_EQ(ReadFrom(exclusive) == "(none)", true);
  close(exclusive);
}

TEST(udp_exclusive_has_its_port_alone) {
  UdpDiag diag;
  const SocketAddress local = Address(AF_INET, "127.0.0.1", FreePort(AF_INET, "127.0.0.1"));
  const int fd = OpenUdpExclusive(local, Address(AF_INET, "127.0.0.1", 9), 0, 0);
  EXPECT(fd >= 0);
  EXPECT_EQ(OpenUdpExclusive(local, Address(AF_INET, "127.0.0.1", 10), 0, 0), -EADDRINUSE);
  EXPECT_EQ(ClaimUdpTuple(&diag, local, Address(AF_INET, "127.0.0.1", 10), kNoPatience), -EADDRINUSE);
  close(fd);
}

TEST(udp_tuple_failures_leave_no_descriptor) {
  UdpDiag diag;
  const SocketAddress local = Address(AF_INET, "127.0.0.1", FreePort(AF_INET, "127.0.0.1"));
  const SocketAddress remote = Address(AF_INET, "127.0.0.1", 9);
  const int first = ClaimUdpTuple(&diag, local, remote, kNoPatience);
  const int next = dup(first);  // the lowest free descriptor
  close(next);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ClaimUdpTuple(&diag, local, remote, kNoPatience), -EEXIST);
    EXPECT_EQ(ClaimUdpTuple(&diag, Address(AF_INET, "192.0.2.1", 9), remote, kNoPatience), -EADDRNOTAVAIL);
    EXPECT_EQ(OpenUdpExclusive(Address(AF_INET, "192.0.2.1", 0), remote, 0, 0), -EADDRNOTAVAIL);
    EXPECT(OpenUdpExclusive(Address(AF_INET, "127.0.0.1", 0), Address(AF_INET, "255.255.255.255", 9), 0, 0) <
           0);
  }
  const int after = dup(first);
  EXPECT_EQ(after, next);
  close(after);
  close(first);
}
