#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#include "batch_io.h"
#include "check.h"
#include "loopback.h"

using loopback::Address;
using loopback::Payload;
using loopback::Socket;
using udp_dsr::BatchReceiver;
using udp_dsr::Datagram;
using udp_dsr::kMaxDatagrams;
using udp_dsr::kMaxSegments;
using udp_dsr::kSlotBytes;
using udp_dsr::kSlots;
using udp_dsr::Path;
using udp_dsr::Region;

namespace {

struct Fixture {
  std::unique_ptr<Region> region = loopback::MakeRegion();
  std::unique_ptr<BatchReceiver> receiver = std::make_unique<BatchReceiver>(region.get());

  const Datagram& datagram(uint32_t i) const { return region->datagrams[i]; }
  const Path& path(uint32_t i) const { return region->paths[datagram(i).path]; }
  std::string payload(uint32_t i) const {
    const auto* bytes = reinterpret_cast<const char*>(region.get());
    return std::string(bytes + datagram(i).offset, datagram(i).length);
  }
};

bool SameAddress(const uint8_t (&bytes)[16], int family, const char* text) {
  const auto address = Address(family, text, 0);
  uint8_t want[16] = {};
  if (family == AF_INET6) {
    std::memcpy(want, &address.ipv6.sin6_addr, 16);
  } else {
    std::memcpy(want, &address.ipv4.sin_addr, 4);
  }
  return std::memcmp(bytes, want, sizeof want) == 0;
}

// recvmmsg that says it brought these messages, with the given sizes and control data of one GRO size.
loopback::MmsgCall Pretend(std::vector<uint32_t> sizes, int segment, int flags) {
  return [=](int, mmsghdr* messages, unsigned count) {
    EXPECT(sizes.size() <= count);
    for (size_t i = 0; i < sizes.size(); ++i) {
      msghdr& header = messages[i].msg_hdr;
      auto* name = static_cast<sockaddr_in*>(header.msg_name);
      *name = Address(AF_INET, "192.0.2.1", 7).ipv4;
      header.msg_flags = flags;
      messages[i].msg_len = sizes[i];
      cmsghdr gro = {.cmsg_len = CMSG_LEN(sizeof segment), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_GRO};
      header.msg_controllen = segment == 0 ? 0 : CMSG_SPACE(sizeof segment);
      if (segment == 0) continue;
      std::memcpy(header.msg_control, &gro, sizeof gro);
      std::memcpy(static_cast<uint8_t*>(header.msg_control) + CMSG_LEN(0), &segment, sizeof segment);
    }
    return static_cast<int>(sizes.size());
  };
}

}  // namespace

TEST(receiver_finds_an_empty_socket) {
  Fixture f;
  Socket to(AF_INET);
  to.Bind("127.0.0.1");
  EXPECT_EQ(f.receiver->Receive(to.fd()).messages, -EAGAIN);
  EXPECT_EQ(f.receiver->Receive(-1).messages, -EBADF);
}

TEST(receiver_tells_sizes_peers_and_destinations) {
  Fixture f;
  Socket to(AF_INET);
  to.Set(SOL_SOCKET, SO_RCVBUF, 1 << 20);
  to.ReceiveEverything();
  to.Bind("0.0.0.0");
  Socket from(AF_INET);
  from.Bind("127.0.0.99");
  from.Set(IPPROTO_IP, IP_TOS, 0x2e);
  const size_t sizes[] = {1, 0, 512, 65507, 3, 0};
  for (uint32_t i = 0; i < 6; ++i) {
    const std::string address = "127.0.0." + std::to_string(i + 1);
    loopback::Send(from, Address(AF_INET, address.c_str(), to.port()), Payload(sizes[i], i));
  }
  const auto result = f.receiver->Receive(to.fd());
  EXPECT_EQ(result.messages, 6);
  EXPECT_EQ(result.datagrams, 6u);
  EXPECT_EQ(f.region->state.truncated, 0u);
  EXPECT_EQ(f.region->state.kernel_drops, 0u);
  for (uint32_t i = 0; i < 6; ++i) {
    const std::string address = "127.0.0." + std::to_string(i + 1);
    EXPECT(f.payload(i) == Payload(sizes[i], i));
    EXPECT_EQ(f.datagram(i).flags, 0u);
    const Path& path = f.path(i);
    EXPECT(SameAddress(path.peer, AF_INET, "127.0.0.99"));
    EXPECT_EQ(path.peer_port, from.port());
    EXPECT(SameAddress(path.local, AF_INET, address.c_str()));
    EXPECT(SameAddress(path.source, AF_INET, address.c_str()));
    EXPECT_EQ(path.local_port, to.port());
    EXPECT_EQ(path.out_ifindex, 0u);
    EXPECT(path.ifindex != 0);
    EXPECT_EQ(path.tos, 0x2eu);
  }
}

TEST(receiver_takes_a_full_batch_and_then_the_rest) {
  Fixture f;
  Socket to(AF_INET);
  to.Bind("127.0.0.1");
  Socket from(AF_INET);
  const uint32_t total = kSlots + 10;
  for (uint32_t i = 0; i < total; ++i) {
    loopback::Send(from, Address(AF_INET, "127.0.0.1", to.port()), Payload(i, i));
  }
  EXPECT_EQ(f.receiver->Receive(to.fd()).messages, static_cast<int>(kSlots));
  for (uint32_t i = 0; i < kSlots; ++i) EXPECT(f.payload(i) == Payload(i, i));
  EXPECT_EQ(f.receiver->Receive(to.fd()).messages, 10);
  for (uint32_t i = 0; i < 10; ++i) EXPECT(f.payload(i) == Payload(kSlots + i, kSlots + i));
}

TEST(receiver_expands_a_gro_aggregate) {
  Fixture f;
  Socket to(AF_INET);
  to.ReceiveEverything();
  to.Bind("0.0.0.0");
  Socket from(AF_INET);
  const auto address = Address(AF_INET, "127.5.5.5", to.port());
  const std::string train = Payload(530, 1);
  loopback::Send(from, address, "before");
  loopback::SendSegmented(from, address, train, 100);
  loopback::Send(from, address, "after");
  loopback::SendSegmented(from, address, Payload(300, 2), 100);
  const auto result = f.receiver->Receive(to.fd());
  EXPECT_EQ(result.messages, 4);
  EXPECT_EQ(result.datagrams, 1u + 6 + 1 + 3);
  EXPECT(f.payload(0) == "before");
  for (uint32_t i = 0; i < 6; ++i) {
    EXPECT(f.payload(1 + i) == train.substr(i * 100, 100));
    EXPECT(SameAddress(f.path(1 + i).local, AF_INET, "127.5.5.5"));
    EXPECT_EQ(f.datagram(1 + i).path, f.datagram(1).path);
  }
  EXPECT(f.payload(7) == "after");
  EXPECT_EQ(f.datagram(10).length, 100u);
}

TEST(receiver_expands_within_its_tables_whatever_the_kernel_says) {
  Fixture f;
  // More segments than any kernel merges, in each slot: cut at the limit, and nothing beyond the table.
  loopback::kernel.recvmmsg = Pretend(std::vector<uint32_t>(kSlots, kSlotBytes), 1, 0);
  const auto result = f.receiver->Receive(0);
  EXPECT_EQ(result.datagrams, kMaxDatagrams);
  EXPECT_EQ(f.datagram(kMaxDatagrams - 1).path, kSlots - 1);
  EXPECT_EQ(f.datagram(kMaxSegments).path, 1u);
  for (const int segment : {-1, 0, 65536, 65537, 0x7fffffff}) {
    loopback::kernel.recvmmsg = Pretend({100}, segment, 0);
    const uint32_t datagrams = f.receiver->Receive(0).datagrams;
    EXPECT(datagrams == 1 || datagrams == 100);  // 65537 is 1 in the 16 bits that a size has
    EXPECT_EQ(f.datagram(datagrams - 1).length, datagrams == 1 ? 100u : 1u);
  }
  loopback::kernel.recvmmsg = Pretend({0}, 8, 0);
  EXPECT_EQ(f.receiver->Receive(0).datagrams, 1u);
  EXPECT_EQ(f.datagram(0).length, 0u);
}

TEST(receiver_marks_what_was_cut) {
  Fixture f;
  loopback::kernel.recvmmsg = Pretend({250}, 100, MSG_TRUNC);
  EXPECT_EQ(f.receiver->Receive(0).datagrams, 3u);
  EXPECT_EQ(f.region->state.truncated, 1u);
  EXPECT_EQ(f.datagram(0).flags, 0u);
  EXPECT_EQ(f.datagram(1).flags, 0u);
  EXPECT_EQ(f.datagram(2).flags, static_cast<uint32_t>(udp_dsr::kTruncated));
  EXPECT_EQ(f.datagram(2).length, 50u);
  loopback::kernel.recvmmsg = Pretend({250}, 0, 0);
  f.receiver->Receive(0);
  EXPECT_EQ(f.region->state.truncated, 0u);
}

TEST(receiver_tries_again_when_interrupted) {
  Fixture f;
  int calls = 0;
  loopback::kernel.recvmmsg = [&](int, mmsghdr*, unsigned) {
    errno = ++calls < 3 ? EINTR : ENOMEM;
    return -1;
  };
  EXPECT_EQ(f.receiver->Receive(0).messages, -ENOMEM);
  EXPECT_EQ(calls, 3);
}

TEST(receiver_forgets_the_batch_before) {
  Fixture f;
  Socket to(AF_INET);
  to.ReceiveEverything();
  to.Bind("0.0.0.0");
  Socket from(AF_INET);
  from.Set(IPPROTO_IP, IP_TOS, 0x2e);
  loopback::Send(from, Address(AF_INET, "127.0.0.8", to.port()), "x");
  f.receiver->Receive(to.fd());
  EXPECT_EQ(f.path(0).tos, 0x2eu);
  Socket plain(AF_INET6);  // asks for nothing: no control data
  plain.Bind("::1");
  Socket from6(AF_INET6);
  loopback::Send(from6, Address(AF_INET6, "::1", plain.port()), "y");
  f.receiver->Receive(plain.fd());
  EXPECT(SameAddress(f.path(0).peer, AF_INET6, "::1"));
  EXPECT(SameAddress(f.path(0).local, AF_INET6, "::"));
  EXPECT(SameAddress(f.path(0).source, AF_INET6, "::"));
  EXPECT_EQ(f.path(0).tos, 0u);
  EXPECT_EQ(f.path(0).ifindex, 0u);
  EXPECT_EQ(f.path(0).local_port, 0u);
}

TEST(receiver_on_a_dual_stack_socket_maps_ipv4) {
  Fixture f;
  Socket to(AF_INET6);
  to.Set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  to.ReceiveEverything();
  to.Bind("::");
  Socket from4(AF_INET);
  from4.Bind("127.0.0.4");
  Socket from6(AF_INET6);
  loopback::Send(from4, Address(AF_INET, "127.0.0.44", to.port()), "four");
  loopback::Send(from6, Address(AF_INET6, "::1", to.port()), "six");
  EXPECT_EQ(f.receiver->Receive(to.fd()).messages, 2);
  EXPECT(SameAddress(f.path(0).peer, AF_INET6, "::ffff:127.0.0.4"));
  EXPECT(SameAddress(f.path(0).local, AF_INET6, "::ffff:127.0.0.44"));
  EXPECT(SameAddress(f.path(0).source, AF_INET6, "::ffff:127.0.0.44"));
  EXPECT(SameAddress(f.path(1).local, AF_INET6, "::1"));
  EXPECT(SameAddress(f.path(1).source, AF_INET6, "::1"));
  EXPECT_EQ(f.path(1).out_ifindex, 0u);
}

TEST(receiver_answers_a_group_from_the_interface) {
  Fixture f;
  Socket to(AF_INET);
  to.ReceiveEverything();
  to.Bind("0.0.0.0");
  const in_addr group = Address(AF_INET, "239.1.2.3", 0).ipv4.sin_addr;
  const in_addr loopback_address = {htonl(INADDR_LOOPBACK)};
  const ip_mreq join = {group, loopback_address};
  EXPECT_EQ(setsockopt(to.fd(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join), 0);
  Socket from(AF_INET);
  setsockopt(from.fd(), IPPROTO_IP, IP_MULTICAST_IF, &loopback_address, sizeof loopback_address);
  loopback::Send(from, Address(AF_INET, "239.1.2.3", to.port()), "to all");
  EXPECT_EQ(f.receiver->Receive(to.fd()).messages, 1);
  EXPECT(SameAddress(f.path(0).local, AF_INET, "239.1.2.3"));
  EXPECT(SameAddress(f.path(0).source, AF_INET, "127.0.0.1"));
  EXPECT_EQ(f.path(0).out_ifindex, f.path(0).ifindex);
}

TEST(receiver_counts_what_the_kernel_dropped) {
  Fixture f;
  Socket to(AF_INET);
  to.Set(SOL_SOCKET, SO_RCVBUF, 1);
  to.ReceiveEverything();
  to.Bind("127.0.0.1");
  Socket from(AF_INET);
  const auto address = Address(AF_INET, "127.0.0.1", to.port());
  for (int i = 0; i < 50; ++i) loopback::Send(from, address, Payload(1000, 1));
  const int fitted = f.receiver->Receive(to.fd()).messages;
  EXPECT_EQ(f.region->state.kernel_drops, 0u);  // nothing was lost before these
  loopback::Send(from, address, "after the drop");
  EXPECT_EQ(f.receiver->Receive(to.fd()).messages, 1);
  EXPECT_EQ(f.region->state.kernel_drops, static_cast<uint32_t>(50 - fitted));
}

TEST(receiver_reports_an_icmp_error_once) {
  Fixture f;
  Socket gone(AF_INET);
  gone.Bind("127.0.0.1");
  Socket from(AF_INET);
  const auto address = Address(AF_INET, "127.0.0.1", gone.port());
  EXPECT_EQ(connect(from.fd(), &address.generic, sizeof address), 0);
  gone.Close();
  EXPECT_EQ(send(from.fd(), "x", 1, 0), 1);
  EXPECT_EQ(f.receiver->Receive(from.fd()).messages, -ECONNREFUSED);
  EXPECT_EQ(f.receiver->Receive(from.fd()).messages, -EAGAIN);
}

TEST(gather_packs_payloads_at_multiples_of_8) {
  Fixture f;
  const std::string payloads[] = {"abc", "", "12345678", "z"};
  uint32_t at = static_cast<uint32_t>(offsetof(Region, slab));
  for (uint32_t i = 0; i < 4; ++i) {
    f.region->datagrams[i] = {at, static_cast<uint32_t>(payloads[i].size()), 0, 0};
    std::memcpy(reinterpret_cast<char*>(f.region.get()) + at, payloads[i].data(), payloads[i].size());
    at += 100;
  }
  std::vector<uint8_t> target(24, 0xee);
  EXPECT_EQ(udp_dsr::GatherPayloads(*f.region, 4, target.data(), target.size()), 24u);
  EXPECT_EQ(std::memcmp(target.data(), "abc", 3), 0);
  EXPECT_EQ(std::memcmp(target.data() + 8, "12345678", 8), 0);
  EXPECT_EQ(target[16], 'z');
  std::vector<uint8_t> small(23, 0xee);
  EXPECT_EQ(udp_dsr::GatherPayloads(*f.region, 4, small.data(), small.size()), 24u);
  EXPECT_EQ(small[0], 0xee);  // not a byte of them
}

TEST(gather_takes_empty_datagrams_without_a_target) {
  Fixture f;
  for (uint32_t i = 0; i < 3; ++i)
    f.region->datagrams[i] = {static_cast<uint32_t>(offsetof(Region, slab)), 0, i, 0};
  EXPECT_EQ(udp_dsr::GatherPayloads(*f.region, 3, nullptr, 0), 0u);
}

TEST(gather_refuses_what_lies_outside_of_the_region) {
  Fixture f;
  std::vector<uint8_t> target(1 << 20);
  const auto size = static_cast<uint32_t>(sizeof(Region));
  const Datagram wrong[] = {{size, 1, 0, 0},
                            {size - 1, 2, 0, 0},
                            {0xffffffff, 1, 0, 0},
                            {16, 0xffffffff, 0, 0},
                            {0, size + 1, 0, 0}};
  for (const Datagram& datagram : wrong) {
    f.region->datagrams[0] = {0, 4, 0, 0};
    f.region->datagrams[1] = datagram;
    EXPECT_EQ(udp_dsr::GatherPayloads(*f.region, 2, target.data(), target.size()), 0u);
  }
}
