#include "netlink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace udp_dsr {
namespace {

// The largest message that the kernel makes for what is asked here: an interface with all its attributes.
constexpr size_t kAnswerBytes = 32768;

}  // namespace

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags) {
  header()->nlmsg_len = NLMSG_LENGTH(0);
  header()->nlmsg_type = type;
  header()->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header()->nlmsg_seq = 1;
}

void* NetlinkRequest::Reserve(size_t length) {
  void* place = bytes_ + NLMSG_ALIGN(header()->nlmsg_len);
  header()->nlmsg_len = static_cast<uint32_t>(NLMSG_ALIGN(header()->nlmsg_len) + length);
  return place;
}

void NetlinkRequest::Attribute(uint16_t type, const void* value, size_t length) {
  auto* attribute = static_cast<rtattr*>(Reserve(RTA_LENGTH(length)));
  attribute->rta_type = type;
  attribute->rta_len = static_cast<uint16_t>(RTA_LENGTH(length));
  if (length > 0) std::memcpy(RTA_DATA(attribute), value, length);
}

size_t NetlinkRequest::Begin(uint16_t type) {
  const size_t at = NLMSG_ALIGN(header()->nlmsg_len);
  Attribute(type, nullptr, 0);
  return at;
}

void NetlinkRequest::End(size_t begun) {
  auto* attribute = reinterpret_cast<rtattr*>(bytes_ + begun);
  attribute->rta_len = static_cast<uint16_t>(header()->nlmsg_len - begun);
}

int NetlinkRequest::Exchange(const std::function<void(const nlmsghdr&)>& each) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  int result = 1;
  if (send(fd, bytes_, header()->nlmsg_len, 0) < 0) result = -errno;
  alignas(nlmsghdr) uint8_t answer[kAnswerBytes];
  while (result > 0) {
    const ssize_t received = recv(fd, answer, sizeof answer, 0);
    if (received < 0) {
      if (errno == EINTR) continue;
      result = -errno;
      break;
    }
    auto length = static_cast<uint32_t>(received);
    for (auto* message = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(message, length);
         message = NLMSG_NEXT(message, length)) {
      if (message->nlmsg_type == NLMSG_ERROR) {
        result = static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
        break;
      }
      if (message->nlmsg_type == NLMSG_DONE) {
        result = 0;
        break;
      }
      each(*message);
      // One message is all there is, unless it says otherwise or an acknowledgement was asked for.
      if ((message->nlmsg_flags & NLM_F_MULTI) == 0 && (header()->nlmsg_flags & NLM_F_ACK) == 0) result = 0;
    }
  }
  close(fd);
  return result;
}

const rtattr* FindAttribute(const nlmsghdr& message, size_t body, uint16_t type) {
  const auto* start = static_cast<const uint8_t*>(NLMSG_DATA(&message)) + NLMSG_ALIGN(body);
  auto left = static_cast<int>(message.nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(body)));
  for (auto* attribute = reinterpret_cast<const rtattr*>(start); RTA_OK(attribute, left);
       attribute = RTA_NEXT(attribute, left)) {
    if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
  }
  return nullptr;
}

}  // namespace udp_dsr
