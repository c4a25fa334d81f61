// Batched system calls over a Region: recvmmsg into its slots, sendmmsg from its staged sends.
// One of each per thread, used by every socket of the thread in turn. No JavaScript in here.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "cmsg.h"
#include "layout.h"
#include "sockaddr.h"

namespace udp_dsr {

class BatchReceiver {
 public:
  explicit BatchReceiver(Region* region);

  struct Result {
    int messages;        // returned by recvmmsg, or -errno
    uint32_t datagrams;  // in region->datagrams; more than `messages` where GRO merged some
  };

  // Fills region->datagrams and region->paths from one non-blocking recvmmsg.
  Result Receive(int fd);

 private:
  uint32_t Expand(uint32_t slot, uint32_t segment_size, uint32_t datagrams);
  void FillPath(uint32_t slot, const Ancillary& ancillary);

  Region* region_;
  mmsghdr messages_[kSlots];
  iovec slots_[kSlots];
  SocketAddress names_[kSlots];
  alignas(cmsghdr) uint8_t control_[kSlots][kReceiveControlBytes];
};

// Copies the payloads of datagrams [0, count) one behind the other, each at a multiple of 8 bytes.
// Returns the bytes that this takes; copies nothing when `capacity` is less.
size_t GatherPayloads(const Region& region, uint32_t count, uint8_t* target, size_t capacity);

// What a socket must remember from one flush to the next.
struct SendState {
  int family;
  bool connected_to_mapped = false;      // IPv6 socket whose connected peer is IPv4
  uint32_t max_segments = kMaxSegments;  // of one message; lowered when the kernel is older than its header
  bool merge = false;                    // UDP_SEGMENT wanted
  bool queues_errors = false;            // IP_RECVERR: a call may fail for what an earlier datagram met
  uint32_t merge_below = 65536;  // segments of this size and above were refused (larger than the path's MTU)
};

class BatchSender {
 public:
  explicit BatchSender(Region* region);

  struct Result {
    uint32_t next;       // first send that the kernel did not take
    uint32_t datagrams;  // taken
    int error;           // errno for `next`, 0 when all were taken
  };

  // Sends region->sends[from, to) in order, with as few system calls as the kernel allows.
  Result Flush(int fd, uint32_t from, uint32_t to, SendState* state);

 private:
  static constexpr uint32_t kMessages = 1024;  // UIO_MAXIOV, the limit of one sendmmsg
  static constexpr uint32_t kPieces = 4096;    // at most UIO_MAXIOV of them in one message

  uint32_t Build(uint32_t from, uint32_t to, const SendState& state, uint32_t* end);
  uint32_t Append(uint32_t first, uint32_t to, const SendState& state, uint32_t* pieces);

  Region* region_;
  mmsghdr messages_[kMessages];
  uint32_t first_send_[kMessages + 1];
  iovec pieces_[kPieces];
  SocketAddress names_[kMessages];
  alignas(cmsghdr) uint8_t control_[kMessages][kSendControlBytes];
};

}  // namespace udp_dsr
