#include <netinet/udp.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "batch_io.h"
#include "check.h"
#include "loopback.h"

using loopback::Address;
using loopback::Payload;
using loopback::Socket;
using udp_dsr::BatchSender;
using udp_dsr::kMaxPaths;
using udp_dsr::kMaxSends;
using udp_dsr::Path;
using udp_dsr::Region;
using udp_dsr::Send;
using udp_dsr::SendState;

namespace {

// One message that went to the kernel.
struct Message {
  size_t bytes;
  size_t pieces;
  uint16_t segment;
};

struct Fixture {
  std::unique_ptr<Region> region = loopback::MakeRegion();
  std::unique_ptr<BatchSender> sender = std::make_unique<BatchSender>(region.get());
  SendState state{.family = AF_INET};
  uint32_t count = 0;
  uint32_t scratch = static_cast<uint32_t>(offsetof(Region, scratch));
  std::vector<Message> messages;  // those that the kernel took, with Watch()

  Path& path(uint32_t index, const Socket& to, const char* address, const char* source = nullptr) {
    Path& path = region->paths[index];
    path = {};
    udp_dsr::ReadPeer(Address(to.family(), address, to.port()), &path);
    if (source != nullptr) {
      Path from = {};
      udp_dsr::ReadPeer(Address(to.family(), source, 0), &from);
      std::memcpy(path.source, from.peer, 16);
    }
    return path;
  }

  // Stages a payload; apart from its predecessor in memory unless `adjacent`.
  void stage(uint32_t path, const std::string& payload, uint32_t flags = 0, bool adjacent = false) {
    if (!adjacent) scratch += 8;
    std::memcpy(reinterpret_cast<uint8_t*>(region.get()) + scratch, payload.data(), payload.size());
    region->sends[count++] = {scratch, static_cast<uint32_t>(payload.size()), path, flags};
    scratch += static_cast<uint32_t>(payload.size());
  }

  BatchSender::Result flush(const Socket& from) { return sender->Flush(from.fd(), 0, count, &state); }

  void Watch() {
    loopback::kernel.sendmmsg = [this](int fd, mmsghdr* headers, unsigned n) {
      const int taken = loopback::RealSendmmsg(fd, headers, n);
      for (int i = 0; i < taken; ++i) Note(headers[i].msg_hdr);
      return taken;
    };
  }

  void Note(const msghdr& header) {
    Message message = {0, header.msg_iovlen, 0};
    for (size_t i = 0; i < header.msg_iovlen; ++i) message.bytes += header.msg_iov[i].iov_len;
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr;
         at = CMSG_NXTHDR(const_cast<msghdr*>(&header), at)) {
      if (at->cmsg_level == IPPROTO_UDP) std::memcpy(&message.segment, CMSG_DATA(at), sizeof message.segment);
    }
    messages.push_back(message);
  }
};

struct Pair {
  Socket to{AF_INET};
  Socket from{AF_INET};
  Pair() {
    to.Set(SOL_SOCKET, SO_RCVBUF, 8 << 20);
    from.Set(SOL_SOCKET, SO_SNDBUF, 8 << 20);
    to.Bind("0.0.0.0");
    from.Bind("0.0.0.0");
  }
};

bool Is(const Message& message, size_t bytes, uint16_t segment) {
  return message.bytes == bytes && message.segment == segment;
}

}  // namespace

TEST(sender_sends_in_order_from_the_sources_asked_for) {
  Fixture f;
  Pair pair;
  for (uint32_t i = 0; i < 20; ++i) {
    f.path(i, pair.to, "127.0.0.1", ("127.0.1." + std::to_string(i + 1)).c_str());
    f.stage(i, Payload(i * 13, i));
  }
  const auto result = f.flush(pair.from);
  EXPECT_EQ(result.next, 20u);
  EXPECT_EQ(result.datagrams, 20u);
  EXPECT_EQ(result.error, 0);
  for (uint32_t i = 0; i < 20; ++i) {
    udp_dsr::SocketAddress name;
    EXPECT(loopback::Receive(pair.to, &name) == Payload(i * 13, i));
    EXPECT_EQ(ntohl(name.ipv4.sin_addr.s_addr), 0x7f000101u + i);
    EXPECT_EQ(ntohs(name.ipv4.sin_port), pair.from.port());
  }
}

TEST(sender_sends_a_part_of_what_is_staged) {
  Fixture f;
  Pair pair;
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 10; ++i) f.stage(0, Payload(4, i));
  const auto result = f.sender->Flush(pair.from.fd(), 3, 7, &f.state);
  EXPECT_EQ(result.next, 7u);
  EXPECT_EQ(result.datagrams, 4u);
  for (uint32_t i = 3; i < 7; ++i) EXPECT(loopback::Receive(pair.to) == Payload(4, i));
  EXPECT(loopback::Receive(pair.to) == "(none)");
  EXPECT_EQ(f.sender->Flush(pair.from.fd(), 5, 5, &f.state).next, 5u);
}

TEST(sender_sends_to_the_connected_peer) {
  Fixture f;
  Pair pair;
  const auto address = Address(AF_INET, "127.0.0.1", pair.to.port());
  EXPECT_EQ(connect(pair.from.fd(), &address.generic, sizeof address), 0);
  f.region->paths[9] = {};
  f.stage(9, "to whom it may concern");
  EXPECT_EQ(f.flush(pair.from).error, 0);
  EXPECT(loopback::Receive(pair.to) == "to whom it may concern");
}

TEST(sender_marks_by_the_family_on_the_wire) {
  Socket to4(AF_INET);
  to4.Bind("127.0.0.1");
  Socket to6(AF_INET6);
  to6.Bind("::1");
  to4.Set(IPPROTO_IP, IP_RECVTOS, 1);
  to6.Set(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  const uint32_t marked = udp_dsr::kHasTos | 0x8b;
  for (const bool connected : {false, true}) {
    for (const bool mapped : {false, true}) {
      Fixture f;
      f.state.family = AF_INET6;
      Socket from(AF_INET6);
      const Socket& to = mapped ? to4 : to6;
      const auto address = Address(AF_INET6, mapped ? "::ffff:127.0.0.1" : "::1", to.port());
      Path& path = f.region->paths[0];
      if (connected) {
        EXPECT_EQ(connect(from.fd(), &address.generic, sizeof address), 0);
        f.state.connected_to_mapped = mapped;
      } else {
        udp_dsr::ReadPeer(address, &path);
      }
      f.stage(0, "marked", marked);
      EXPECT_EQ(f.flush(from).error, 0);
      udp_dsr::BatchReceiver receiver(f.region.get());
      EXPECT_EQ(receiver.Receive(to.fd()).messages, 1);
      EXPECT_EQ(f.region->paths[0].tos, 0x8bu);
    }
  }
}

TEST(sender_does_not_merge_unless_asked) {
  Fixture f;
  Pair pair;
  f.Watch();
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 5; ++i) f.stage(0, Payload(100, i));
  f.flush(pair.from);
  EXPECT_EQ(f.messages.size(), 5u);
}

TEST(sender_merges_equal_sizes_to_one_peer) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.Watch();
  f.path(0, pair.to, "127.0.0.1");
  f.path(1, pair.to, "127.0.0.1");               // another number for the same path
  f.path(2, pair.to, "127.0.0.2");               // another peer
  f.path(3, pair.to, "127.0.0.1", "127.0.0.3");  // another source
  std::vector<std::string> want;
  const auto stage = [&](uint32_t path, size_t size, uint32_t flags = 0) {
    want.push_back(Payload(size, f.count));
    f.stage(path, want.back(), flags);
  };
  for (int i = 0; i < 3; ++i) stage(0, 100);
  stage(1, 100);
  stage(0, 60);  // the last may be shorter: 4 × 100 + 60
  stage(0, 60);
  stage(0, 61);  // longer begins anew: 60, then 61
  stage(2, 61);
  stage(3, 61);
  stage(3, 61);
  stage(3, 61, udp_dsr::kHasTos | 4);
  stage(3, 0);  // an empty datagram can be no segment
  stage(3, 0);
  stage(3, 7);
  EXPECT_EQ(f.flush(pair.from).error, 0);
  EXPECT_EQ(f.messages.size(), 9u);
  EXPECT(Is(f.messages[0], 460, 100));
  EXPECT(Is(f.messages[1], 60, 0));
  EXPECT(Is(f.messages[2], 61, 0));
  EXPECT(Is(f.messages[3], 61, 0));
  EXPECT(Is(f.messages[4], 122, 61));
  EXPECT(Is(f.messages[5], 61, 0));
  EXPECT(Is(f.messages[6], 0, 0));
  EXPECT(Is(f.messages[7], 0, 0));
  EXPECT(Is(f.messages[8], 7, 0));
  for (const std::string& payload : want) EXPECT(loopback::Receive(pair.to) == payload);
  EXPECT(loopback::Receive(pair.to) == "(none)");
}

TEST(sender_merges_up_to_the_kernels_limits) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.state.max_segments = 64;
  f.Watch();
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 130; ++i) f.stage(0, Payload(10, i));    // 64, 64, 2 segments
  for (uint32_t i = 0; i < 5; ++i) f.stage(0, Payload(30'000, i));  // 65507 bytes: 2, 2, 1
  f.stage(0, Payload(40'000, 7));
  f.stage(0, Payload(65'507, 8));
  f.stage(0, Payload(65'507, 9));
  EXPECT_EQ(f.flush(pair.from).error, 0);
  EXPECT_EQ(f.messages.size(), 9u);
  EXPECT(Is(f.messages[0], 640, 10));
  EXPECT(Is(f.messages[2], 20, 10));
  EXPECT(Is(f.messages[3], 60'000, 30'000));
  EXPECT(Is(f.messages[5], 30'000, 0));
  EXPECT(Is(f.messages[8], 65'507, 0));
  for (uint32_t i = 0; i < 130; ++i) EXPECT(loopback::Receive(pair.to) == Payload(10, i));
  for (uint32_t i = 0; i < 5; ++i) EXPECT(loopback::Receive(pair.to) == Payload(30'000, i));
  EXPECT(loopback::Receive(pair.to) == Payload(40'000, 7));
}

TEST(sender_learns_how_many_segments_the_kernel_merges) {
  for (const bool old_kernel : {false, true}) {
    Fixture f;
    Pair pair;
    f.state.merge = true;
    f.path(0, pair.to, "127.0.0.1");
    for (uint32_t i = 0; i < 300; ++i) f.stage(0, Payload(10, i));
    loopback::kernel.sendmmsg = [&](int fd, mmsghdr* headers, unsigned n) {
      const size_t before = f.messages.size();
      f.Note(headers[0].msg_hdr);
      if (old_kernel && f.messages.back().bytes > 64 * 10) {
        f.messages.pop_back();
        errno = EINVAL;
        return -1;
      }
      const int taken = loopback::RealSendmmsg(fd, headers, n > 0 ? 1 : 0);
      if (taken < 0) f.messages.resize(before);
      return taken;
    };
    EXPECT_EQ(f.flush(pair.from).datagrams, 300u);
    for (uint32_t i = 0; i < 300; ++i) EXPECT(loopback::Receive(pair.to) == Payload(10, i));
    EXPECT_EQ(f.state.merge_below, 65536u);
    if (f.state.max_segments == 64) {
      EXPECT_EQ(f.messages.size(), 5u);
    } else {
      EXPECT(!old_kernel);
      EXPECT_EQ(f.messages.size(), 3u);
    }
  }
}

TEST(sender_joins_neighbours_in_memory) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.Watch();
  f.path(0, pair.to, "127.0.0.1");
  f.stage(0, Payload(100, 0));
  f.stage(0, Payload(100, 1), 0, true);
  f.stage(0, Payload(100, 2), 0, false);
  f.stage(0, Payload(40, 3), 0, true);
  f.flush(pair.from);
  EXPECT_EQ(f.messages.size(), 1u);
  EXPECT_EQ(f.messages[0].pieces, 2u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT(loopback::Receive(pair.to) == Payload(100, i));
  EXPECT(loopback::Receive(pair.to) == Payload(40, 3));
}

TEST(sender_sends_singly_what_the_kernel_does_not_merge) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.Watch();
  pair.from.Set(SOL_SOCKET, SO_NO_CHECK, 1);  // UDP_SEGMENT needs checksums: EINVAL
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 100; ++i) f.stage(0, Payload(50, i));
  const auto result = f.flush(pair.from);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(result.datagrams, 100u);
  EXPECT_EQ(f.messages.size(), 100u);
  EXPECT_EQ(f.state.merge_below, 50u);
  for (uint32_t i = 0; i < 100; ++i) EXPECT(loopback::Receive(pair.to) == Payload(50, i));

  // Learnt for this size and above, for the next flush too.
  int refusals = 0;
  loopback::kernel.sendmmsg = [&](int fd, mmsghdr* headers, unsigned n) {
    const int taken = loopback::RealSendmmsg(fd, headers, n);
    if (taken < 0) ++refusals;
    return taken;
  };
  EXPECT_EQ(f.flush(pair.from).error, 0);
  EXPECT_EQ(refusals, 0);
}

TEST(sender_merges_smaller_sizes_after_a_larger_was_refused) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 4; ++i) f.stage(0, Payload(1000, i));
  for (uint32_t i = 0; i < 4; ++i) f.stage(0, Payload(200, i));
  // A path whose MTU is 600.
  loopback::kernel.sendmmsg = [&](int fd, mmsghdr* headers, unsigned n) {
    unsigned good = 0;
    for (; good < n; ++good) {
      const size_t before = f.messages.size();
      f.Note(headers[good].msg_hdr);
      const bool too_big = f.messages[before].segment > 600;
      if (!too_big) continue;
      f.messages.pop_back();
      break;
    }
    if (good == 0) {
      errno = EMSGSIZE;
      return -1;
    }
    return loopback::RealSendmmsg(fd, headers, good);
  };
  EXPECT_EQ(f.flush(pair.from).datagrams, 8u);
  // The first of the small ones was the shorter last segment of the large.
  EXPECT_EQ(f.messages.size(), 6u);
  EXPECT(Is(f.messages[4], 200, 0));
  EXPECT(Is(f.messages[5], 600, 200));
  EXPECT_EQ(f.state.merge_below, 1000u);
}

TEST(sender_keeps_merging_when_the_datagram_is_at_fault) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.path(0, pair.to, "255.255.255.255");  // no SO_BROADCAST: EACCES
  f.path(1, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 3; ++i) f.stage(0, Payload(100, i));
  for (uint32_t i = 0; i < 3; ++i) f.stage(1, Payload(100, i));
  auto result = f.flush(pair.from);
  EXPECT_EQ(result.next, 0u);
  EXPECT_EQ(result.error, EACCES);
  // A source that is not ours: EINVAL merged, and singly too.
  f.path(0, pair.to, "127.0.0.1", "192.0.2.1");
  for (const uint32_t at : {0u, 1u, 2u}) {
    result = f.sender->Flush(pair.from.fd(), at, f.count, &f.state);
    EXPECT_EQ(result.next, at);
    EXPECT(result.error != 0);
  }
  EXPECT_EQ(f.state.merge_below, 65536u);
  f.Watch();
  result = f.sender->Flush(pair.from.fd(), 3, f.count, &f.state);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(f.messages.size(), 1u);
}

TEST(sender_stops_at_the_datagram_that_fails) {
  Fixture f;
  Pair pair;
  f.path(0, pair.to, "127.0.0.1");
  f.path(1, pair.to, "127.0.0.1");
  f.region->paths[1].peer_port = 65536;  // port 0 in its 16 bits
  for (uint32_t i = 0; i < 10; ++i) f.stage(i % 3 == 2 ? 1 : 0, Payload(10, i));
  uint32_t from = 0;
  for (const uint32_t bad : {2u, 5u, 8u}) {
    const auto result = f.sender->Flush(pair.from.fd(), from, f.count, &f.state);
    EXPECT_EQ(result.next, bad);
    EXPECT_EQ(result.datagrams, bad - from);
    EXPECT_EQ(result.error, EINVAL);
    from = bad + 1;
  }
  EXPECT_EQ(f.sender->Flush(pair.from.fd(), from, f.count, &f.state).error, 0);
  for (uint32_t i = 0; i < 10; ++i) {
    if (i % 3 != 2) EXPECT(loopback::Receive(pair.to) == Payload(10, i));
  }
}

TEST(sender_says_where_the_kernel_had_no_room) {
  Fixture f;
  Pair pair;
  f.state.merge = true;
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 200; ++i) f.stage(0, Payload(20 + i / 10, i));  // 20 messages of 10 segments
  int room = 7;
  loopback::kernel.sendmmsg = [&](int fd, mmsghdr* headers, unsigned n) {
    if (room == 0) {
      errno = EAGAIN;
      return -1;
    }
    const int taken = loopback::RealSendmmsg(fd, headers, n < 3u ? n : 3);
    room -= taken < room ? taken : room;
    return taken;
  };
  const auto result = f.flush(pair.from);
  EXPECT_EQ(result.error, EAGAIN);
  EXPECT_EQ(result.next, 90u);  // three calls of three messages
  EXPECT_EQ(result.datagrams, 90u);
  loopback::kernel.sendmmsg = nullptr;
  EXPECT_EQ(f.sender->Flush(pair.from.fd(), result.next, f.count, &f.state).next, 200u);
  for (uint32_t i = 0; i < 200; ++i) EXPECT(loopback::Receive(pair.to) == Payload(20 + i / 10, i));
}

TEST(sender_tries_again_when_interrupted) {
  Fixture f;
  Pair pair;
  f.path(0, pair.to, "127.0.0.1");
  for (uint32_t i = 0; i < 5; ++i) f.stage(0, Payload(20, i));
  int calls = 0;
  loopback::kernel.sendmmsg = [&](int fd, mmsghdr* headers, unsigned) {
    if (++calls % 2 == 1) {
      errno = EINTR;
      return -1;
    }
    return loopback::RealSendmmsg(fd, headers, 1);
  };
  EXPECT_EQ(f.flush(pair.from).datagrams, 5u);
  EXPECT_EQ(calls, 10);
}

TEST(sender_goes_on_where_its_tables_are_full) {
  for (const bool merge : {false, true}) {
    Fixture f;
    Pair pair;
    f.state.merge = merge;
    f.path(0, pair.to, "127.0.0.1");
    std::map<size_t, size_t> calls;  // messages in a call → how often
    size_t datagrams = 0;
    loopback::kernel.sendmmsg = [&](int, mmsghdr* headers, unsigned n) {
      EXPECT(n >= 1 && n <= 1024);  // UIO_MAXIOV
      ++calls[n];
      for (unsigned i = 0; i < n; ++i) {
        EXPECT(headers[i].msg_hdr.msg_iovlen <= 1024);
        f.messages.clear();
        f.Note(headers[i].msg_hdr);
        datagrams += f.messages[0].segment == 0 ? 1 : f.messages[0].bytes / f.messages[0].segment;
      }
      return static_cast<int>(n);
    };
    for (uint32_t i = 0; i < kMaxSends; ++i) {
      // All different in memory, one size.
      f.region->sends[i] = {static_cast<uint32_t>(offsetof(Region, scratch)) + i * 64, 60, 0, 0};
    }
    const auto result = f.sender->Flush(pair.from.fd(), 0, kMaxSends, &f.state);
    EXPECT_EQ(result.next, kMaxSends);
    EXPECT_EQ(datagrams, kMaxSends);
    EXPECT_EQ(calls.size(), 1u);
    EXPECT_EQ(calls.begin()->first, merge ? 32u : 1024u);  // 4096 pieces, 128 in each message
  }
}

TEST(sender_trusts_no_number_in_the_region) {
  const auto size = static_cast<uint32_t>(sizeof(Region));
  const Send wrong[] = {
      {size, 1, 0, 0},        {size - 1, 2, 0, 0},    {0xffffffff, 1, 0, 0},
      {16, 0xffffffff, 0, 0}, {0, size + 1, 0, 0},    {0x80000000, 0x80000000, 0, 0},
      {64, 4, kMaxPaths, 0},  {64, 4, 0xffffffff, 0},
  };
  for (const bool merge : {false, true}) {
    for (const Send& send : wrong) {
      Fixture f;
      Pair pair;
      f.state.merge = merge;
      f.path(0, pair.to, "127.0.0.1");
      for (uint32_t i = 0; i < 5; ++i) f.stage(0, Payload(4, i));
      f.region->sends[3] = send;
      auto result = f.flush(pair.from);
      EXPECT_EQ(result.next, 3u);
      EXPECT_EQ(result.error, EFAULT);
      for (uint32_t i = 0; i < 3; ++i) EXPECT(loopback::Receive(pair.to) == Payload(4, i));
      result = f.sender->Flush(pair.from.fd(), 4, 5, &f.state);
      EXPECT_EQ(result.error, 0);
    }
  }
}

TEST(sender_leaves_too_long_a_datagram_to_the_kernel) {
  for (const bool merge : {false, true}) {
    Fixture f;
    Pair pair;
    f.state.merge = merge;
    f.path(0, pair.to, "127.0.0.1");
    f.stage(0, "short");
    f.stage(0, Payload(65'508, 1));
    f.stage(0, Payload(200'000, 1));
    EXPECT_EQ(f.flush(pair.from).next, 1u);
    EXPECT_EQ(f.sender->Flush(pair.from.fd(), 1, 3, &f.state).error, EMSGSIZE);
    EXPECT_EQ(f.sender->Flush(pair.from.fd(), 2, 3, &f.state).error, EMSGSIZE);
  }
}

TEST(sender_reports_a_closed_descriptor) {
  Fixture f;
  Pair pair;
  f.path(0, pair.to, "127.0.0.1");
  f.stage(0, "x");
  EXPECT_EQ(f.sender->Flush(-1, 0, 1, &f.state).error, EBADF);
}

TEST(sender_does_not_take_one_peers_error_for_anothers) {
  for (const int family : {AF_INET, AF_INET6}) {
    const char* address = family == AF_INET6 ? "::1" : "127.0.0.1";
    Fixture f;
    f.state.family = family;
    f.state.queues_errors = true;
    Socket gone(family), to(family), from(family);
    to.Bind(address);
    from.Set(IPPROTO_IP, IP_RECVERR, 1);
    if (family == AF_INET6) from.Set(IPPROTO_IPV6, IPV6_RECVERR, 1);
    gone.Bind(address);
    f.path(0, gone, address);
    f.path(1, to, address);
    gone.Close();  // nobody listens there now
    for (uint32_t i = 0; i < 3; ++i) {
      f.stage(0, "to nobody");
      f.stage(1, Payload(20, i));
    }
    // One at a time, so that each error is pending when the next is sent.
    for (uint32_t i = 0; i < f.count; ++i) {
      EXPECT_EQ(f.sender->Flush(from.fd(), i, i + 1, &f.state).error, 0);
    }
    for (uint32_t i = 0; i < 3; ++i) EXPECT(loopback::Receive(to) == Payload(20, i));

    // What is wrong with the datagram itself is still told.
    f.count = 0;
    f.region->paths[1].peer_port = 65536;
    f.stage(0, "to nobody");
    f.stage(1, "to port 0");
    const auto result = f.flush(from);
    EXPECT_EQ(result.next, 1u);
    EXPECT_EQ(result.error, EINVAL);
  }
}
