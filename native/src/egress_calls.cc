#include "egress_calls.h"

#include <unistd.h>

#include <cstring>

#include "port_range.h"
#include "thread_state.h"
#include "udp_tuple.h"

namespace udp_dsr {
namespace {

uint32_t Number(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

Napi::Value Status(const Napi::CallbackInfo& info, int status) {
  return Napi::Number::New(info.Env(), status);
}

int FamilyOf(const Napi::Value& version) { return Number(version) == 6 ? AF_INET6 : AF_INET; }

Path* NamePath(const Napi::CallbackInfo& info) {
  return &ThreadState::Of(info.Env())->region->get()->paths[kNamePath];
}

SocketAddress RemoteEnd(const Path& path, int family) {
  SocketAddress remote = {};
  WritePeer(path, family, &remote);
  return remote;
}

// The end to send from: source, local_port and ifindex of the name path.
SocketAddress LocalEnd(const Path& path, int family) {
  Path local = path;
  std::memcpy(local.peer, path.source, sizeof local.peer);
  local.peer_port = path.local_port;
  local.peer_scope = path.ifindex;
  return RemoteEnd(local, family);
}

int PrepareTcp(int fd, const SocketAddress& local, bool any, uint32_t port, uint32_t low, uint32_t high) {
  const int on = 1;
  if (port != 0) {
    // Without it, bind wants the port for this socket alone, whatever its peer will be.
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -errno;
  } else {
    const int status = low == 0 ? 0 : SetLocalPortRange(fd, low, high);
    if (status < 0 || any) return status;
    // Only connect knows the peer, and so whether a port is free for it. Also of IPv6 sockets of level IP.
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0) return -errno;
  }
  const socklen_t length = local.generic.sa_family == AF_INET6 ? sizeof local.ipv6 : sizeof local.ipv4;
  return bind(fd, &local.generic, length) < 0 ? -errno : 0;
}

// openTcp(version, low, high) → descriptor or -errno. A socket that connect will give a port of [low, high],
// or when low is 0 any. The name path has the address to connect from, zero for the kernel's choice, and as
// its port 0; or a port, which it is bound to at once instead.
Napi::Value OpenTcp(const Napi::CallbackInfo& info) {
  const int family = FamilyOf(info[0]);
  const Path& path = *NamePath(info);
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return Status(info, -errno);
  const int status = PrepareTcp(fd, RemoteEnd(path, family), IsZero(path.peer), path.peer_port,
                                Number(info[1]), Number(info[2]));
  if (status == 0) return Status(info, fd);
  close(fd);
  return Status(info, status);
}

// setPortRange(fd, low, high) → 0 or -errno
Napi::Value SetPortRange(const Napi::CallbackInfo& info) {
  return Status(info,
                SetLocalPortRange(info[0].As<Napi::Number>().Int32Value(), Number(info[1]), Number(info[2])));
}

// A descriptor that the thread owns until UdpSocket::Adopt takes it, or -errno.
Napi::Value ToAdopt(const Napi::CallbackInfo& info, int fd) {
  if (fd >= 0) ThreadState::Of(info.Env())->unadopted.insert(fd);
  return Status(info, fd);
}

// openUdp(version, low, high) → descriptor or -errno. Both ends are in the name path.
Napi::Value OpenUdp(const Napi::CallbackInfo& info) {
  const int family = FamilyOf(info[0]);
  const Path& path = *NamePath(info);
  return ToAdopt(info, OpenUdpExclusive(LocalEnd(path, family), RemoteEnd(path, family), Number(info[1]),
                                        Number(info[2])));
}

// claimUdp(version, patience in ms) → descriptor or -errno. Both ends are in the name path.
Napi::Value ClaimUdp(const Napi::CallbackInfo& info) {
  const int family = FamilyOf(info[0]);
  const Path& path = *NamePath(info);
  UdpDiag* diag = &ThreadState::Of(info.Env())->udp_diag;
  return ToAdopt(info, ClaimUdpTuple(diag, LocalEnd(path, family), RemoteEnd(path, family), Number(info[1])));
}

// sourceTo(version) → 0 or -errno. Puts the address from which routing sends to the peer of the name path in
// its place.
Napi::Value SourceTo(const Napi::CallbackInfo& info) {
  const int family = FamilyOf(info[0]);
  Path* path = NamePath(info);
  SocketAddress name = RemoteEnd(*path, family);
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return Status(info, -errno);
  socklen_t length = family == AF_INET6 ? sizeof name.ipv6 : sizeof name.ipv4;
  int status = connect(fd, &name.generic, length);
  if (status == 0) status = getsockname(fd, &name.generic, &length);
  const int error = errno;
  close(fd);
  if (status != 0) return Status(info, -error);
  ReadPeer(name, path);
  return Status(info, 0);
}

// close(fd)
void Close(const Napi::CallbackInfo& info) { close(info[0].As<Napi::Number>().Int32Value()); }

}  // namespace

Napi::Object DefineEgressCalls(Napi::Env env) {
  Napi::Object calls = Napi::Object::New(env);
  calls["openTcp"] = Napi::Function::New<OpenTcp>(env, "openTcp");
  calls["setPortRange"] = Napi::Function::New<SetPortRange>(env, "setPortRange");
  calls["openUdp"] = Napi::Function::New<OpenUdp>(env, "openUdp");
  calls["claimUdp"] = Napi::Function::New<ClaimUdp>(env, "claimUdp");
  calls["sourceTo"] = Napi::Function::New<SourceTo>(env, "sourceTo");
  calls["close"] = Napi::Function::New<Close>(env, "close");
  return calls;
}

}  // namespace udp_dsr
