#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cstring>

#include "check.h"

// The linker sends the units' calls to __wrap_ (-Wl,--wrap=…).
extern "C" {
int __real_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);
int __real_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags);
int __real_connect(int fd, const sockaddr* name, socklen_t length);

int __wrap_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  EXPECT(flags == MSG_DONTWAIT);
  EXPECT(timeout == nullptr);
  if (loopback::kernel.recvmmsg) return loopback::kernel.recvmmsg(fd, messages, count);
  return loopback::RealRecvmmsg(fd, messages, count);
}

int __wrap_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  EXPECT(flags == MSG_DONTWAIT);
  if (loopback::kernel.sendmmsg) return loopback::kernel.sendmmsg(fd, messages, count);
  return loopback::RealSendmmsg(fd, messages, count);
}

int __wrap_connect(int fd, const sockaddr* name, socklen_t length) {
  if (loopback::kernel.connect) return loopback::kernel.connect(fd, name, length);
  return __real_connect(fd, name, length);
}
}

namespace loopback {

Kernel kernel;

int RealRecvmmsg(int fd, mmsghdr* messages, unsigned count) {
  return __real_recvmmsg(fd, messages, count, MSG_DONTWAIT, nullptr);
}

int RealSendmmsg(int fd, mmsghdr* messages, unsigned count) {
  return __real_sendmmsg(fd, messages, count, MSG_DONTWAIT);
}

int RealConnect(int fd, const sockaddr* name, socklen_t length) { return __real_connect(fd, name, length); }

Socket::Socket(int family) : fd_(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)), family_(family) {
  EXPECT(fd_ >= 0);
}

Socket::~Socket() { Close(); }

void Socket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Socket::Set(int level, int name, int value) const {
  EXPECT_EQ(setsockopt(fd_, level, name, &value, sizeof value), 0);
}

void Socket::Bind(const char* address) {
  udp_dsr::SocketAddress name = Address(family_, address, 0);
  EXPECT_EQ(bind(fd_, &name.generic, sizeof name), 0);
  socklen_t length = sizeof name;
  EXPECT_EQ(getsockname(fd_, &name.generic, &length), 0);
  port_ = ntohs(name.ipv4.sin_port);  // where IPv6's is, too
}

void Socket::ReceiveEverything() const {
  Set(IPPROTO_IP, IP_PKTINFO, 1);
  Set(IPPROTO_IP, IP_RECVTOS, 1);
  Set(IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
  Set(SOL_SOCKET, SO_RXQ_OVFL, 1);
  Set(IPPROTO_UDP, UDP_GRO, 1);
  if (family_ != AF_INET6) return;
  Set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  Set(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  Set(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1);
}

udp_dsr::SocketAddress Address(int family, const char* text, uint16_t port) {
  udp_dsr::SocketAddress address = {};
  if (family == AF_INET6) {
    address.ipv6.sin6_family = AF_INET6;
    address.ipv6.sin6_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET6, text, &address.ipv6.sin6_addr), 1);
  } else {
    address.ipv4.sin_family = AF_INET;
    address.ipv4.sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, text, &address.ipv4.sin_addr), 1);
  }
  return address;
}

void Send(const Socket& from, const udp_dsr::SocketAddress& to, const std::string& payload) {
  const ssize_t sent = sendto(from.fd(), payload.data(), payload.size(), 0, &to.generic, sizeof to);
  EXPECT_EQ(sent, static_cast<ssize_t>(payload.size()));
}

void SendSegmented(const Socket& from, const udp_dsr::SocketAddress& to, const std::string& payload,
                   uint16_t segment) {
  from.Set(IPPROTO_UDP, UDP_SEGMENT, segment);
  Send(from, to, payload);
  from.Set(IPPROTO_UDP, UDP_SEGMENT, 0);
}

std::string Receive(const Socket& socket, udp_dsr::SocketAddress* from) {
  static char buffer[65536];
  udp_dsr::SocketAddress name = {};
  socklen_t length = sizeof name;
  const ssize_t size = recvfrom(socket.fd(), buffer, sizeof buffer, MSG_DONTWAIT, &name.generic, &length);
  if (size < 0) return "(none)";
  if (from != nullptr) *from = name;
  return std::string(buffer, static_cast<size_t>(size));
}

std::unique_ptr<udp_dsr::Region> MakeRegion() { return std::make_unique<udp_dsr::Region>(); }

std::string Payload(size_t size, uint32_t seed) {
  std::string payload(size, '\0');
  for (size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(seed * 31 + i * 7 + (i >> 8));
  return payload;
}

}  // namespace loopback
