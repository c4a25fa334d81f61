#include "cmsg.h"

#include <netinet/udp.h>

#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "loopback.h"

using loopback::Address;
using loopback::Socket;
using udp_dsr::Ancillary;
using udp_dsr::DecodeAncillary;
using udp_dsr::Outgoing;

namespace {

using Bytes = std::vector<uint8_t>;

// Exactly as long as it says, on the heap: the first byte read beyond is an error.
Ancillary Decode(const Bytes& control) {
  Bytes exact(control);
  exact.shrink_to_fit();
  return DecodeAncillary(exact.data(), exact.size());
}

template <typename T>
void Append(Bytes* control, int level, int type, const T& value, size_t length = sizeof(T)) {
  const size_t at = control->size();
  control->resize(at + CMSG_SPACE(length));
  cmsghdr header = {};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(length);
  std::memcpy(control->data() + at, &header, sizeof header);
  std::memcpy(control->data() + at + CMSG_LEN(0), &value, length);
}

bool Same(const Ancillary& a, const Ancillary& b) {
  const auto same = [](bool has, const auto& x, const auto& y) {
    return !has || std::memcmp(&x, &y, sizeof x) == 0;
  };
  return a.has_pktinfo4 == b.has_pktinfo4 && a.has_pktinfo6 == b.has_pktinfo6 &&
         a.has_original4 == b.has_original4 && a.has_original6 == b.has_original6 &&
         a.has_drops == b.has_drops && a.tos == b.tos && a.segment_size == b.segment_size &&
         same(a.has_drops, a.drops, b.drops) && same(a.has_pktinfo4, a.pktinfo4, b.pktinfo4) &&
         same(a.has_pktinfo6, a.pktinfo6, b.pktinfo6) && same(a.has_original4, a.original4, b.original4) &&
         same(a.has_original6, a.original6, b.original6);
}

// The same by the system's own macros, which need control data that is aligned and padded as the kernel's is.
Ancillary DecodeByMacros(const Bytes& control) {
  EXPECT_EQ(control.size() % alignof(cmsghdr), 0u);
  msghdr message = {};
  message.msg_control = const_cast<uint8_t*>(control.data());
  message.msg_controllen = control.size();
  Ancillary out;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    const size_t left = control.size() - static_cast<size_t>(reinterpret_cast<uint8_t*>(at) - control.data());
    if (at->cmsg_len < CMSG_LEN(0) || at->cmsg_len > left) break;
    const size_t length = at->cmsg_len - CMSG_LEN(0);
    const auto take = [&](auto* value) {
      if (length < sizeof *value) return false;
      std::memcpy(value, CMSG_DATA(at), sizeof *value);
      return true;
    };
    const auto is = [&](int level, int type) { return at->cmsg_level == level && at->cmsg_type == type; };
    int number = 0;
    if (is(IPPROTO_IP, IP_PKTINFO)) out.has_pktinfo4 = take(&out.pktinfo4);
    if (is(IPPROTO_IP, IP_TOS)) take(&out.tos);
    if (is(IPPROTO_IP, IP_ORIGDSTADDR)) out.has_original4 = take(&out.original4);
    if (is(IPPROTO_IPV6, IPV6_PKTINFO)) out.has_pktinfo6 = take(&out.pktinfo6);
    if (is(IPPROTO_IPV6, IPV6_TCLASS) && take(&number)) out.tos = static_cast<uint8_t>(number);
    if (is(IPPROTO_IPV6, IPV6_ORIGDSTADDR)) out.has_original6 = take(&out.original6);
    if (is(IPPROTO_UDP, UDP_GRO) && take(&number)) out.segment_size = static_cast<uint16_t>(number);
    if (is(SOL_SOCKET, SO_RXQ_OVFL)) out.has_drops = take(&out.drops);
  }
  return out;
}

// Control data of the next datagram, as the kernel wrote it.
Bytes ReceiveControl(const Socket& socket) {
  char payload[65536];
  iovec piece = {payload, sizeof payload};
  alignas(cmsghdr) uint8_t control[512];
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EXPECT(recvmsg(socket.fd(), &message, MSG_DONTWAIT) >= 0);
  EXPECT((message.msg_flags & MSG_CTRUNC) == 0);
  EXPECT(message.msg_controllen <= udp_dsr::kReceiveControlBytes);
  return Bytes(control, control + message.msg_controllen);
}

// What the kernel really writes: each family, a lone datagram and a GRO aggregate, before and after a drop.
std::vector<Bytes> KernelControls() {
  std::vector<Bytes> controls;
  struct Route {
    int to_family;
    const char* bind;
    int from_family;
    const char* to;
  };
  for (const Route& route :
       {Route{AF_INET, "127.0.0.1", AF_INET, "127.0.0.1"}, Route{AF_INET, "0.0.0.0", AF_INET, "127.9.8.7"},
        Route{AF_INET6, "::1", AF_INET6, "::1"}, Route{AF_INET6, "::", AF_INET6, "::1"},
        Route{AF_INET6, "::", AF_INET, "127.9.8.7"}}) {
    Socket to(route.to_family);
    to.Set(SOL_SOCKET, SO_RCVBUF, 1);  // rounded up to a few KiB: soon full
    to.ReceiveEverything();
    to.Bind(route.bind);
    Socket from(route.from_family);
    if (route.from_family == AF_INET6) {
      from.Set(IPPROTO_IPV6, IPV6_TCLASS, 0xb9);
    } else {
      from.Set(IPPROTO_IP, IP_TOS, 0xb9);
    }
    const auto address = Address(route.from_family, route.to, to.port());
    loopback::Send(from, address, "x");
    controls.push_back(ReceiveControl(to));
    loopback::SendSegmented(from, address, std::string(50, 'y'), 20);
    controls.push_back(ReceiveControl(to));
    for (int i = 0; i < 64; ++i) loopback::Send(from, address, std::string(1000, 'z'));
    while (loopback::Receive(to) != "(none)") continue;
    loopback::Send(from, address, "after the drop");
    controls.push_back(ReceiveControl(to));
  }
  return controls;
}

}  // namespace

TEST(cmsg_decodes_each_message_alone) {
  Bytes control;
  EXPECT(Same(Decode(control), Ancillary{}));

  in_pktinfo info4 = {7, {htonl(0x0a000001)}, {htonl(0xe0000001)}};
  Append(&control, IPPROTO_IP, IP_PKTINFO, info4);
  EXPECT(Decode(control).has_pktinfo4);
  const Ancillary out4 = Decode(control);
  EXPECT_EQ(std::memcmp(&out4.pktinfo4, &info4, sizeof info4), 0);

  control.clear();
  in6_pktinfo info6 = {Address(AF_INET6, "2001:db8::1", 0).ipv6.sin6_addr, 9};
  Append(&control, IPPROTO_IPV6, IPV6_PKTINFO, info6);
  EXPECT(Decode(control).has_pktinfo6);
  const Ancillary out6 = Decode(control);
  EXPECT_EQ(std::memcmp(&out6.pktinfo6, &info6, sizeof info6), 0);

  control.clear();
  Append(&control, IPPROTO_IP, IP_TOS, uint8_t{0xfe});
  EXPECT_EQ(Decode(control).tos, 0xfe);

  control.clear();
  Append(&control, IPPROTO_IPV6, IPV6_TCLASS, int{0xfd});
  EXPECT_EQ(Decode(control).tos, 0xfd);

  control.clear();
  Append(&control, IPPROTO_UDP, UDP_GRO, int{1400});
  EXPECT_EQ(Decode(control).segment_size, 1400);

  control.clear();
  Append(&control, SOL_SOCKET, SO_RXQ_OVFL, uint32_t{0xfffffff0});
  EXPECT(Decode(control).has_drops);
  EXPECT_EQ(Decode(control).drops, 0xfffffff0u);

  control.clear();
  Append(&control, IPPROTO_IP, IP_ORIGDSTADDR, Address(AF_INET, "192.0.2.1", 99).ipv4);
  EXPECT(Decode(control).has_original4);
  EXPECT_EQ(Decode(control).original4.sin_port, htons(99));

  control.clear();
  Append(&control, IPPROTO_IPV6, IPV6_ORIGDSTADDR, Address(AF_INET6, "2001:db8::2", 98).ipv6);
  EXPECT(Decode(control).has_original6);
  EXPECT_EQ(Decode(control).original6.sin6_port, htons(98));
}

TEST(cmsg_passes_over_what_it_does_not_know) {
  Bytes control;
  Append(&control, SOL_SOCKET, SO_TIMESTAMP, std::array<uint8_t, 16>{});
  Append(&control, IPPROTO_TCP, IP_PKTINFO, in_pktinfo{});
  Append(&control, IPPROTO_IP, IP_TTL, int{64});
  Append(&control, IPPROTO_UDP, UDP_SEGMENT, uint16_t{5});
  Append(&control, IPPROTO_IP, 0x7fffffff, uint8_t{1}, 0);
  EXPECT(Same(Decode(control), Ancillary{}));
  Append(&control, IPPROTO_IP, IP_TOS, uint8_t{3});
  EXPECT_EQ(Decode(control).tos, 3);
}

TEST(cmsg_takes_no_message_that_is_too_short) {
  for (size_t length = 0; length < sizeof(sockaddr_in6); ++length) {
    Bytes control;
    if (length < sizeof(in_pktinfo)) Append(&control, IPPROTO_IP, IP_PKTINFO, in_pktinfo{}, length);
    if (length < sizeof(in6_pktinfo)) Append(&control, IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{}, length);
    if (length < sizeof(int)) Append(&control, IPPROTO_IPV6, IPV6_TCLASS, int{-1}, length);
    if (length < sizeof(int)) Append(&control, IPPROTO_UDP, UDP_GRO, int{-1}, length);
    if (length < sizeof(int)) Append(&control, SOL_SOCKET, SO_RXQ_OVFL, int{-1}, length);
    if (length < sizeof(sockaddr_in)) Append(&control, IPPROTO_IP, IP_ORIGDSTADDR, sockaddr_in{}, length);
    Append(&control, IPPROTO_IPV6, IPV6_ORIGDSTADDR, sockaddr_in6{}, length);
    EXPECT(Same(Decode(control), Ancillary{}));
  }
}

TEST(cmsg_ends_at_a_malformed_length) {
  for (const size_t length :
       {size_t{0}, CMSG_LEN(0) - 1, CMSG_LEN(5), SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2}) {
    Bytes control;
    Append(&control, IPPROTO_IP, IP_TOS, uint8_t{9});
    const size_t at = control.size();
    Append(&control, IPPROTO_UDP, UDP_GRO, int{100});
    control.resize(at + CMSG_LEN(4));  // unpadded, so CMSG_LEN(5) is one byte too much
    std::memcpy(control.data() + at + offsetof(cmsghdr, cmsg_len), &length, sizeof length);
    const Ancillary out = Decode(control);
    EXPECT_EQ(out.tos, 9);
    EXPECT_EQ(out.segment_size, 0);
  }
}

TEST(cmsg_reads_the_kernels_own_as_the_macros_do) {
  const auto controls = KernelControls();
  bool drops = false;
  for (const Bytes& control : controls) {
    const Ancillary out = Decode(control);
    EXPECT(Same(out, DecodeByMacros(control)));
    EXPECT(out.has_pktinfo4 || out.has_pktinfo6);
    EXPECT(out.has_original4 || out.has_original6);
    EXPECT_EQ(out.tos, 0xb9);
    drops |= out.has_drops;
  }
  EXPECT(drops);
  EXPECT_EQ(Decode(controls[1]).segment_size, 20);
}

TEST(cmsg_survives_mutations_as_the_macros_do) {
  const auto controls = KernelControls();
  std::mt19937 random(20260101);  // the same bytes each time
  const auto below = [&](size_t limit) { return static_cast<size_t>(random() % limit); };
  for (int round = 0; round < 100'000; ++round) {
    Bytes control = controls[below(controls.size())];
    for (size_t changes = 1 + below(4); changes > 0; --changes) {
      // Low bytes of lengths, levels and types are where it hurts.
      const size_t at = below(2) == 0 ? below(control.size() / 8) * 8 : below(control.size());
      control[at] = static_cast<uint8_t>(below(3) == 0 ? below(256) : control[at] + below(32) - 16);
    }
    if (below(4) == 0) control.resize(below(control.size() / 8 + 1) * 8);
    EXPECT(Same(Decode(control), DecodeByMacros(control)));
    if (below(4) == 0) control.resize(below(control.size() + 1));  // any length: nothing read outside
    Decode(control);
  }
}

TEST(cmsg_survives_random_bytes) {
  std::mt19937 random(4711);
  for (int round = 0; round < 100'000; ++round) {
    Bytes control(random() % (udp_dsr::kReceiveControlBytes + 1));
    for (uint8_t& byte : control) byte = static_cast<uint8_t>(random() % 4 == 0 ? random() : random() % 48);
    Decode(control);
  }
}

TEST(cmsg_encodes_what_it_decodes) {
  const auto source4 = Address(AF_INET, "192.0.2.7", 0).ipv4.sin_addr;
  const auto source6 = Address(AF_INET6, "2001:db8::7", 0).ipv6.sin6_addr;
  for (const bool is_ipv6 : {false, true}) {
    for (const bool peer_is_mapped : {false, true}) {
      for (const bool has_source : {false, true}) {
        for (const uint32_t ifindex : {0u, 3u}) {
          for (const int tos : {-1, 0, 0xff}) {
            for (const uint16_t segment : {0, 1200}) {
              Outgoing outgoing = {};
              outgoing.is_ipv6 = is_ipv6;
              outgoing.peer_is_mapped = peer_is_mapped;
              const auto* source = is_ipv6 ? reinterpret_cast<const uint8_t*>(&source6)
                                           : reinterpret_cast<const uint8_t*>(&source4);
              if (has_source) outgoing.source = source;
              outgoing.ifindex = ifindex;
              outgoing.tos = tos;
              outgoing.segment_size = segment;
              Bytes control(udp_dsr::kSendControlBytes);
              control.resize(udp_dsr::EncodeAncillary(outgoing, control.data()));

              const Ancillary back = Decode(control);
              const bool has_pktinfo = has_source || ifindex != 0;
              EXPECT_EQ(back.has_pktinfo4, has_pktinfo && !is_ipv6);
              EXPECT_EQ(back.has_pktinfo6, has_pktinfo && is_ipv6);
              if (back.has_pktinfo4) {
                EXPECT_EQ(back.pktinfo4.ipi_ifindex, static_cast<int>(ifindex));
                EXPECT_EQ(back.pktinfo4.ipi_spec_dst.s_addr, has_source ? source4.s_addr : 0);
                EXPECT_EQ(back.pktinfo4.ipi_addr.s_addr, 0u);
              }
              if (back.has_pktinfo6) {
                const in6_addr want = has_source ? source6 : in6_addr{};
                EXPECT_EQ(back.pktinfo6.ipi6_ifindex, ifindex);
                EXPECT_EQ(std::memcmp(&back.pktinfo6.ipi6_addr, &want, sizeof want), 0);
              }
              EXPECT_EQ(back.tos, tos > 0 ? tos : 0);
              const size_t messages = has_pktinfo + (tos >= 0) + (segment != 0);
              EXPECT_EQ(control.empty(), messages == 0);
            }
          }
        }
      }
    }
  }
}
