// Sockets on loopback, and a way to stand between the units under test and the kernel.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "layout.h"
#include "sockaddr.h"

namespace loopback {

// An open UDP socket, closed with the object.
class Socket {
 public:
  explicit Socket(int family);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  int family() const { return family_; }
  void Set(int level, int name, int value) const;
  // Binds to `address` (text), a port of the kernel's choice.
  void Bind(const char* address);
  uint16_t port() const { return port_; }
  // Closes it before its time; the port stays known.
  void Close();
  // Asks for everything that the addon's sockets ask for, so that it comes with each datagram.
  void ReceiveEverything() const;

 private:
  int fd_;
  int family_;
  uint16_t port_ = 0;
};

udp_dsr::SocketAddress Address(int family, const char* text, uint16_t port);

// Sends through the plain system calls.
void Send(const Socket& from, const udp_dsr::SocketAddress& to, const std::string& payload);
// The same as UDP_SEGMENT: datagrams of `segment` bytes, the last may be shorter.
void SendSegmented(const Socket& from, const udp_dsr::SocketAddress& to, const std::string& payload,
                   uint16_t segment);
// Next datagram waiting, "(none)" when there is none.
std::string Receive(const Socket& socket, udp_dsr::SocketAddress* from = nullptr);

// Zeroed, on the heap, so that AddressSanitizer guards both of its ends.
std::unique_ptr<udp_dsr::Region> MakeRegion();

// `size` bytes that differ from datagram to datagram.
std::string Payload(size_t size, uint32_t seed);

// Called instead of the system calls when set; `real` is the kernel.
using MmsgCall = std::function<int(int fd, mmsghdr* messages, unsigned count)>;
using ConnectCall = std::function<int(int fd, const sockaddr* name, socklen_t length)>;
struct Kernel {
  MmsgCall recvmmsg;
  MmsgCall sendmmsg;
  ConnectCall connect;
};
extern Kernel kernel;
int RealRecvmmsg(int fd, mmsghdr* messages, unsigned count);
int RealSendmmsg(int fd, mmsghdr* messages, unsigned count);
int RealConnect(int fd, const sockaddr* name, socklen_t length);

}  // namespace loopback
