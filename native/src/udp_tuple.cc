#include "udp_tuple.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "port_range.h"

namespace udp_dsr {
namespace {

constexpr int kUdpSocket = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

// Between two attempts to get a lock. It is held for some 10 µs.
constexpr timespec kLockPause = {0, 20'000};
constexpr uint32_t kPausesPerMs = 50;

// Most datagrams that are dropped before a socket is handed out: what strangers sent in the microsecond
// between bind and connect. A peer that sends all the time must not keep it here.
constexpr int kMostDrained = 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

socklen_t LengthOf(const SocketAddress& address) {
  return address.generic.sa_family == AF_INET6 ? sizeof address.ipv6 : sizeof address.ipv4;
}

uint16_t WirePort(const SocketAddress& address) {
  return address.generic.sa_family == AF_INET6 ? address.ipv6.sin6_port : address.ipv4.sin_port;
}

// `out` has room for 16 bytes and is zero.
void CopyAddress(const SocketAddress& address, void* out) {
  if (address.generic.sa_family == AF_INET6) {
    std::memcpy(out, &address.ipv6.sin6_addr, 16);
  } else {
    std::memcpy(out, &address.ipv4.sin_addr, 4);
  }
}

int OpenUdp(const SocketAddress& local) {
  const int family = local.generic.sa_family;
  const int fd = socket(family, kUdpSocket, IPPROTO_UDP);
  if (fd < 0) return -errno;
  const int on = 1;
  // An IPv6 socket's 4-tuple is IPv6's alone.
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return fd;
}

int Connect(int fd, const SocketAddress& remote) {
  if (connect(fd, &remote.generic, LengthOf(remote)) != 0) return -errno;
  char octet;
  for (int i = 0; i < kMostDrained && recv(fd, &octet, sizeof octet, MSG_DONTWAIT) >= 0; ++i) {
  }
  return 0;
}

// A lock of one local end. Closing the descriptor gives it back. Returns it, or -EBUSY.
int LockLocalEnd(const SocketAddress& local, uint32_t patience_ms) {
  // The path begins with a zero octet: an abstract name.
  constexpr char kName[] = "\0udp-dsr/udp";
  struct {
    uint16_t family;
    uint16_t port;
    uint8_t address[16];
  } end = {};
  end.family = local.generic.sa_family;
  end.port = WirePort(local);
  CopyAddress(local, end.address);

  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, kName, sizeof kName);
  std::memcpy(name.sun_path + sizeof kName, &end, sizeof end);
  const socklen_t length = offsetof(sockaddr_un, sun_path) + sizeof kName + sizeof end;

  Descriptor lock(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (lock.get() < 0) return -errno;
  for (uint32_t left = patience_ms * kPausesPerMs;; --left) {
    if (bind(lock.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0) return lock.release();
    if (errno != EADDRINUSE) return -errno;
    if (left == 0) return -EBUSY;
    nanosleep(&kLockPause, nullptr);
  }
}

}  // namespace

UdpDiag::~UdpDiag() {
  if (fd_ >= 0) close(fd_);
}

int UdpDiag::Open() {
  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd_ < 0) return -EOPNOTSUPP;
  if (FindsItself()) return 0;
  close(fd_);
  fd_ = -1;
  return -EOPNOTSUPP;
}

// Without its module udp_diag the kernel answers that there is no such socket, whatever one asks for.
bool UdpDiag::FindsItself() {
  SocketAddress self = {};
  self.ipv4.sin_family = AF_INET;
  self.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Descriptor udp(OpenUdp(self));
  socklen_t length = sizeof self;
  return udp.get() >= 0 && bind(udp.get(), &self.generic, sizeof self.ipv4) == 0 &&
         getsockname(udp.get(), &self.generic, &length) == 0 &&
         connect(udp.get(), &self.generic, sizeof self.ipv4) == 0 && Ask(self, self) == 1;
}

int UdpDiag::IsConnected(const SocketAddress& local, const SocketAddress& remote) {
  if (fd_ < 0) {
    const int status = Open();
    if (status < 0) return status;
  }
  return Ask(local, remote);
}

int UdpDiag::Ask(const SocketAddress& local, const SocketAddress& remote) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 ask;
  } request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.ask.sdiag_family = static_cast<uint8_t>(local.generic.sa_family);
  request.ask.sdiag_protocol = IPPROTO_UDP;
  request.ask.idiag_states = ~0u;
  // For UDP a question about one socket names the ends as a datagram to it would: from its peer
  // (udp_dump_one in net/ipv4/udp_diag.c, "swapped for historical reasons").
  request.ask.id.idiag_sport = WirePort(remote);
  request.ask.id.idiag_dport = WirePort(local);
  CopyAddress(remote, request.ask.id.idiag_src);
  CopyAddress(local, request.ask.id.idiag_dst);
  request.ask.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.ask.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;

  if (send(fd_, &request, sizeof request, 0) < 0) return -errno;
  alignas(nlmsghdr) char answer[4096];
  const ssize_t received = recv(fd_, answer, sizeof answer, 0);
  if (received < 0) return -errno;
  if (static_cast<size_t>(received) < sizeof(nlmsghdr)) return -EPROTO;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  const void* body = NLMSG_DATA(header);
  if (header->nlmsg_type == NLMSG_ERROR) {
    const int error = static_cast<const nlmsgerr*>(body)->error;
    return error == -ENOENT ? 0 : error;
  }
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) {
    return -EPROTO;
  }
  // The socket found is the one that such a datagram would reach: one without a peer, too.
  const inet_diag_sockid& found = static_cast<const inet_diag_msg*>(body)->id;
  uint32_t peer[4] = {};
  CopyAddress(remote, peer);
  return found.idiag_dport == WirePort(remote) && std::memcmp(found.idiag_dst, peer, sizeof peer) == 0;
}

int ClaimUdpTuple(UdpDiag* diag, const SocketAddress& local, const SocketAddress& remote,
                  uint32_t patience_ms) {
  Descriptor lock(LockLocalEnd(local, patience_ms));
  if (lock.get() < 0) return lock.get();
  int status = diag->IsConnected(local, remote);
  if (status != 0) return status > 0 ? -EEXIST : status;
  Descriptor udp(OpenUdp(local));
  if (udp.get() < 0) return udp.get();
  // SO_REUSEADDR would let sockets of other users in, and makes each bind as long as its port has sharers.
  const int on = 1;
  if (setsockopt(udp.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) return -errno;
  if (bind(udp.get(), &local.generic, LengthOf(local)) != 0) return -errno;
  status = Connect(udp.get(), remote);
  return status < 0 ? status : udp.release();
}

int OpenUdpExclusive(const SocketAddress& local, const SocketAddress& remote, uint32_t low, uint32_t high) {
  Descriptor udp(OpenUdp(local));
  if (udp.get() < 0) return udp.get();
  int status = low == 0 ? 0 : SetLocalPortRange(udp.get(), low, high);
  if (status < 0) return status;
  if (bind(udp.get(), &local.generic, LengthOf(local)) != 0) return -errno;
  status = Connect(udp.get(), remote);
  return status < 0 ? status : udp.release();
}

}  // namespace udp_dsr
