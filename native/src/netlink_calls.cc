#include "netlink_calls.h"

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "bpf_syscall.h"
#include "netlink.h"

namespace udp_dsr {
namespace {

Napi::Value Status(const Napi::CallbackInfo& info, int status) {
  return Napi::Number::New(info.Env(), status);
}

template <typename T>
T Read(const rtattr* attribute) {
  T value;
  std::memcpy(&value, RTA_DATA(attribute), sizeof value);
  return value;
}

Napi::Value CopyBytes(Napi::Env env, const rtattr* attribute) {
  const size_t length = RTA_PAYLOAD(attribute);
  auto bytes = Napi::Uint8Array::New(env, length);
  std::memcpy(bytes.Data(), RTA_DATA(attribute), length);
  return bytes;
}

int FamilyOf(uint32_t addressBytes) { return addressBytes == 16 ? AF_INET6 : AF_INET; }

// link(index) → { name, type, mtu, flags, mac } or -errno; type is one of ARPHRD_ (linux/if_arp.h)
Napi::Value Link(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_GETLINK, 0);
  request.Append<ifinfomsg>()->ifi_index = static_cast<int>(Number(info[0]));
  Napi::Object found = Napi::Object::New(info.Env());
  const int status = request.Exchange([&](const nlmsghdr& message) {
    const auto* body = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
    found["type"] = Napi::Number::New(info.Env(), body->ifi_type);
    found["flags"] = Napi::Number::New(info.Env(), body->ifi_flags);
    const auto attribute = [&](uint16_t type) { return FindAttribute(message, sizeof *body, type); };
    if (const auto* name = attribute(IFLA_IFNAME)) {
      found["name"] = Napi::String::New(info.Env(), static_cast<const char*>(RTA_DATA(name)));
    }
    if (const auto* mtu = attribute(IFLA_MTU))
      found["mtu"] = Napi::Number::New(info.Env(), Read<uint32_t>(mtu));
    if (const auto* address = attribute(IFLA_ADDRESS)) found["mac"] = CopyBytes(info.Env(), address);
  });
  return status == 0 ? found : Status(info, status);
}

// xdpProgram(index) → the id of the XDP program of an interface, 0 when there is none, or -errno
Napi::Value XdpProgram(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_GETLINK, 0);
  request.Append<ifinfomsg>()->ifi_index = static_cast<int>(Number(info[0]));
  uint32_t id = 0;
  const int status = request.Exchange([&](const nlmsghdr& message) {
    const auto* xdp = FindAttribute(message, sizeof(ifinfomsg), IFLA_XDP);
    if (xdp == nullptr) return;
    auto left = static_cast<int>(RTA_PAYLOAD(xdp));
    for (auto* part = static_cast<const rtattr*>(RTA_DATA(xdp)); RTA_OK(part, left);
         part = RTA_NEXT(part, left)) {
      if (part->rta_type == IFLA_XDP_PROG_ID) id = Read<uint32_t>(part);
    }
  });
  return Status(info, status == 0 ? static_cast<int>(id) : status);
}

// addresses(index) → Uint8Array[] of 4 or 16 bytes, or -errno
Napi::Value Addresses(const Napi::CallbackInfo& info) {
  const uint32_t index = Number(info[0]);
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP);
  request.Append<ifaddrmsg>();
  Napi::Array found = Napi::Array::New(info.Env());
  const int status = request.Exchange([&](const nlmsghdr& message) {
    const auto* body = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message));
    if (body->ifa_index != index) return;
    const auto* address = FindAttribute(message, sizeof *body, IFA_LOCAL);
    if (address == nullptr) address = FindAttribute(message, sizeof *body, IFA_ADDRESS);
    if (address != nullptr) found.Set(found.Length(), CopyBytes(info.Env(), address));
  });
  return status == 0 ? found : Status(info, status);
}

// route(address, from, ifindex) → { type, ifindex, gateway, source } or -errno. What the kernel does not say
// is left out. `from` is the packet's source, or undefined; with an index that is not 0 the packet comes in
// there.
Napi::Value Route(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_GETROUTE, 0);
  auto* body = request.Append<rtmsg>();
  body->rtm_family = static_cast<uint8_t>(FamilyOf(Length(info[0])));
  body->rtm_dst_len = static_cast<uint8_t>(8 * Length(info[0]));
  request.Attribute(RTA_DST, Bytes(info[0]), Length(info[0]));
  if (info[1].IsTypedArray()) {
    body->rtm_src_len = static_cast<uint8_t>(8 * Length(info[1]));
    request.Attribute(RTA_SRC, Bytes(info[1]), Length(info[1]));
  }
  const uint32_t in = info[2].IsNumber() ? Number(info[2]) : 0;
  if (in != 0) request.Attribute(RTA_IIF, &in, sizeof in);
  Napi::Object found = Napi::Object::New(info.Env());
  const int status = request.Exchange([&](const nlmsghdr& message) {
    const auto attribute = [&](uint16_t type) { return FindAttribute(message, sizeof(rtmsg), type); };
    if (const auto* out = attribute(RTA_OIF))
      found["ifindex"] = Napi::Number::New(info.Env(), Read<uint32_t>(out));
    if (const auto* gateway = attribute(RTA_GATEWAY)) found["gateway"] = CopyBytes(info.Env(), gateway);
    if (const auto* source = attribute(RTA_PREFSRC)) found["source"] = CopyBytes(info.Env(), source);
    found["type"] = Napi::Number::New(info.Env(), static_cast<const rtmsg*>(NLMSG_DATA(&message))->rtm_type);
  });
  return status == 0 ? found : Status(info, status);
}

// neighbour(index, address) → { state, mac } or -errno: -ENOENT when nobody has asked for it. States are NUD_
// (linux/neighbour.h).
Napi::Value Neighbour(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_GETNEIGH, 0);
  auto* body = request.Append<ndmsg>();
  body->ndm_family = static_cast<uint8_t>(FamilyOf(Length(info[1])));
  body->ndm_ifindex = static_cast<int>(Number(info[0]));
  request.Attribute(NDA_DST, Bytes(info[1]), Length(info[1]));
  Napi::Object found = Napi::Object::New(info.Env());
  const int status = request.Exchange([&](const nlmsghdr& message) {
    found["state"] =
        Napi::Number::New(info.Env(), static_cast<const ndmsg*>(NLMSG_DATA(&message))->ndm_state);
    if (const auto* mac = FindAttribute(message, sizeof(ndmsg), NDA_LLADDR))
      found["mac"] = CopyBytes(info.Env(), mac);
  });
  return status == 0 ? found : Status(info, status);
}

// askNeighbour(index, address) → 0 or -errno. Makes the kernel ask for it, as a packet to it would.
Napi::Value AskNeighbour(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  auto* body = request.Append<ndmsg>();
  body->ndm_family = static_cast<uint8_t>(FamilyOf(Length(info[1])));
  body->ndm_ifindex = static_cast<int>(Number(info[0]));
  body->ndm_flags = NTF_USE;
  body->ndm_state = NUD_NONE;
  request.Attribute(NDA_DST, Bytes(info[1]), Length(info[1]));
  return Status(info, request.Exchange([](const nlmsghdr&) {}));
}

// The hooks of the queueing discipline clsact, by the number of a direction: 0 ingress, 1 egress.
uint32_t HookOf(uint32_t direction) {
  return TC_H_MAKE(TC_H_CLSACT, direction == 0 ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

// addClsact(index) → 0 or -errno: -EEXIST when it is there
Napi::Value AddClsact(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  auto* body = request.Append<tcmsg>();
  body->tcm_ifindex = static_cast<int>(Number(info[0]));
  body->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  body->tcm_parent = TC_H_CLSACT;
  request.Attribute(TCA_KIND, "clsact", sizeof "clsact");
  return Status(info, request.Exchange([](const nlmsghdr&) {}));
}

// deleteClsact(index) → 0 or -errno
Napi::Value DeleteClsact(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_DELQDISC, NLM_F_ACK);
  auto* body = request.Append<tcmsg>();
  body->tcm_ifindex = static_cast<int>(Number(info[0]));
  body->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  body->tcm_parent = TC_H_CLSACT;
  return Status(info, request.Exchange([](const nlmsghdr&) {}));
}

tcmsg* Filter(NetlinkRequest* request, const Napi::CallbackInfo& info) {
  auto* body = request->Append<tcmsg>();
  body->tcm_ifindex = static_cast<int>(Number(info[0]));
  body->tcm_parent = HookOf(Number(info[1]));
  body->tcm_handle = Number(info[2]);
  body->tcm_info = TC_H_MAKE(Number(info[3]) << 16, __builtin_bswap16(ETH_P_ALL));
  return body;
}

// setFilter(index, direction, handle, priority, program, name) → 0 or -errno. Makes a filter of a program, or
// replaces the program of the one that is there.
Napi::Value SetFilter(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE);
  Filter(&request, info);
  request.Attribute(TCA_KIND, "bpf", sizeof "bpf");
  const size_t options = request.Begin(TCA_OPTIONS);
  const uint32_t program = Number(info[4]);
  const std::string name = info[5].As<Napi::String>().Utf8Value().substr(0, 63);
  const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
  request.Attribute(TCA_BPF_FD, &program, sizeof program);
  request.Attribute(TCA_BPF_NAME, name.c_str(), name.size() + 1);
  request.Attribute(TCA_BPF_FLAGS, &flags, sizeof flags);
  request.End(options);
  return Status(info, request.Exchange([](const nlmsghdr&) {}));
}

// deleteFilter(index, direction, handle, priority) → 0 or -errno
Napi::Value DeleteFilter(const Napi::CallbackInfo& info) {
  NetlinkRequest request(RTM_DELTFILTER, NLM_F_ACK);
  Filter(&request, info);
  request.Attribute(TCA_KIND, "bpf", sizeof "bpf");
  return Status(info, request.Exchange([](const nlmsghdr&) {}));
}

}  // namespace

Napi::Object DefineNetlinkCalls(Napi::Env env) {
  Napi::Object calls = Napi::Object::New(env);
  calls["link"] = Napi::Function::New<Link>(env, "link");
  calls["xdpProgram"] = Napi::Function::New<XdpProgram>(env, "xdpProgram");
  calls["addresses"] = Napi::Function::New<Addresses>(env, "addresses");
  calls["route"] = Napi::Function::New<Route>(env, "route");
  calls["neighbour"] = Napi::Function::New<Neighbour>(env, "neighbour");
  calls["askNeighbour"] = Napi::Function::New<AskNeighbour>(env, "askNeighbour");
  calls["addClsact"] = Napi::Function::New<AddClsact>(env, "addClsact");
  calls["deleteClsact"] = Napi::Function::New<DeleteClsact>(env, "deleteClsact");
  calls["setFilter"] = Napi::Function::New<SetFilter>(env, "setFilter");
  calls["deleteFilter"] = Napi::Function::New<DeleteFilter>(env, "deleteFilter");
  return calls;
}

}  // namespace udp_dsr
