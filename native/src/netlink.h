// rtnetlink(7): one request, one answer.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace udp_dsr {

// A request under construction, with room for any that is made here.
class NetlinkRequest {
 public:
  NetlinkRequest(uint16_t type, uint16_t flags);

  // The fixed part behind the header, zero: ifinfomsg, rtmsg, ndmsg or tcmsg.
  template <typename Body>
  Body* Append() {
    return static_cast<Body*>(Reserve(sizeof(Body)));
  }
  void Attribute(uint16_t type, const void* value, size_t length);
  // An attribute of attributes: those that are added until End are in it.
  size_t Begin(uint16_t type);
  void End(size_t begun);

  // Sends it and hands each message of the answer to `each`, until the kernel has no more. Returns 0 or
  // -errno.
  int Exchange(const std::function<void(const nlmsghdr&)>& each);

 private:
  void* Reserve(size_t length);
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_); }

  alignas(nlmsghdr) uint8_t bytes_[1024] = {};
};

// The attribute of a type behind the fixed part of a message, or null. The pointer is into the message.
const rtattr* FindAttribute(const nlmsghdr& message, size_t body, uint16_t type);

}  // namespace udp_dsr
