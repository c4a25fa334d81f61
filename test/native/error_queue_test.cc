#include "error_queue.h"

#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "check.h"
#include "loopback.h"

using loopback::Address;
using loopback::Socket;
using udp_dsr::QueuedError;
using udp_dsr::SocketAddress;

namespace {

struct Case {
  int family;
  const char* peer;
  const char* offender;
  uint8_t origin;
};

// A port that nobody listens on.
uint16_t ClosedPort(int family, const char* address) {
  Socket socket(family);
  socket.Bind(address);
  return socket.port();
}

bool Same(const SocketAddress& got, int family, const char* text, uint16_t port) {
  const SocketAddress want = Address(family, text, port);
  if (got.generic.sa_family != family) return false;
  if (family == AF_INET) {
    return got.ipv4.sin_addr.s_addr == want.ipv4.sin_addr.s_addr && got.ipv4.sin_port == want.ipv4.sin_port;
  }
  return std::memcmp(&got.ipv6.sin6_addr, &want.ipv6.sin6_addr, 16) == 0 &&
         got.ipv6.sin6_port == want.ipv6.sin6_port;
}

}  // namespace

TEST(error_queue_tells_who_refused_what) {
  for (const Case& test : {Case{AF_INET, "127.0.0.9", "127.0.0.9", SO_EE_ORIGIN_ICMP},
                           Case{AF_INET6, "::1", "::1", SO_EE_ORIGIN_ICMP6},
                           Case{AF_INET6, "::ffff:127.0.0.9", "::ffff:127.0.0.9", SO_EE_ORIGIN_ICMP}}) {
    const uint16_t port = ClosedPort(AF_INET6, "::");
    Socket from(test.family);
    from.Set(IPPROTO_IP, IP_RECVERR, 1);
    if (test.family == AF_INET6) from.Set(IPPROTO_IPV6, IPV6_RECVERR, 1);
    QueuedError error;
    EXPECT_EQ(udp_dsr::TakeQueuedError(from.fd(), &error), 0);
    for (int i = 0; i < 3; ++i) {
      // An error that is pending fails the next send, once.
      const auto to = Address(test.family, test.peer, port);
      sendto(from.fd(), "payload", 7, 0, &to.generic, sizeof to);
    }
    int taken = 0;
    for (; udp_dsr::TakeQueuedError(from.fd(), &error) == 1; ++taken) {
      EXPECT_EQ(error.detail.ee_errno, static_cast<uint32_t>(ECONNREFUSED));
      EXPECT_EQ(error.detail.ee_origin, test.origin);
      EXPECT(Same(error.destination, test.family, test.peer, port));
      EXPECT(Same(error.offender, test.family, test.offender, 0));
    }
    EXPECT(taken >= 1);
    EXPECT_EQ(udp_dsr::TakeQueuedError(from.fd(), &error), 0);
  }
}

TEST(error_queue_passes_over_what_is_no_error) {
  const uint16_t port = ClosedPort(AF_INET, "127.0.0.1");
  Socket open(AF_INET);
  open.Bind("127.0.0.1");
  Socket from(AF_INET);
  from.Set(IPPROTO_IP, IP_RECVERR, 1);
  from.Set(SOL_SOCKET, SO_TIMESTAMPING,
           SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY);
  for (int i = 0; i < 5; ++i) loopback::Send(from, Address(AF_INET, "127.0.0.1", open.port()), "stamped");
  QueuedError error;
  EXPECT_EQ(udp_dsr::TakeQueuedError(from.fd(), &error), 0);
  loopback::Send(from, Address(AF_INET, "127.0.0.1", port), "stamped and refused");
  EXPECT_EQ(udp_dsr::TakeQueuedError(from.fd(), &error), 1);
  EXPECT_EQ(error.detail.ee_errno, static_cast<uint32_t>(ECONNREFUSED));
  EXPECT_EQ(udp_dsr::TakeQueuedError(from.fd(), &error), 0);
}

TEST(error_queue_reports_a_failing_call) {
  QueuedError error;
  EXPECT_EQ(udp_dsr::TakeQueuedError(-1, &error), -EBADF);
  const int file = open("/dev/null", O_RDONLY);
  EXPECT_EQ(udp_dsr::TakeQueuedError(file, &error), -ENOTSOCK);
  close(file);
}
