// What the addon exports. Everything else is in the units it includes.
#include <errno.h>
#include <napi.h>
#include <net/if.h>

#include <cstddef>

#include "batch_io.h"
#include "bpf_calls.h"
#include "egress_calls.h"
#include "layout.h"
#include "netlink_calls.h"
#include "thread_state.h"
#include "udp_socket.h"

namespace udp_dsr {
namespace {

// Offsets in bytes and sizes, so that TypeScript repeats none of layout.h.
Napi::Object DescribeLayout(Napi::Env env) {
  Napi::Object layout = Napi::Object::New(env);
  const auto set = [&](const char* name, size_t value) {
    layout.Set(name, Napi::Number::New(env, static_cast<double>(value)));
  };
  set("state", offsetof(Region, state));
  set("datagrams", offsetof(Region, datagrams));
  set("paths", offsetof(Region, paths));
  set("sends", offsetof(Region, sends));
  set("scratch", offsetof(Region, scratch));
  set("slab", offsetof(Region, slab));
  set("scratchBytes", kScratchBytes);
  set("slots", kSlots);
  set("maxDatagrams", kMaxDatagrams);
  set("maxSends", kMaxSends);
  set("sendPaths", kSendPaths);
  set("namePath", kNamePath);
  set("pathBytes", sizeof(Path));
  set("pathPeerPort", offsetof(Path, peer_port));
  set("pathPeerScope", offsetof(Path, peer_scope));
  set("pathPeer", offsetof(Path, peer));
  set("pathLocalPort", offsetof(Path, local_port));
  set("pathIfindex", offsetof(Path, ifindex));
  set("pathLocal", offsetof(Path, local));
  set("pathSource", offsetof(Path, source));
  set("pathOutIfindex", offsetof(Path, out_ifindex));
  set("pathTos", offsetof(Path, tos));
  return layout;
}

// gather(count, target: Uint8Array, offset) → bytes used, or the bytes needed when they exceed target.length
// - offset
Napi::Value Gather(const Napi::CallbackInfo& info) {
  const uint32_t count = info[0].As<Napi::Number>().Uint32Value();
  auto target = info[1].As<Napi::Uint8Array>();
  const uint32_t offset = info[2].As<Napi::Number>().Uint32Value();
  const Region& region = *ThreadState::Of(info.Env())->region->get();
  const size_t length = target.ByteLength();
  const size_t capacity = offset <= length ? length - offset : 0;
  uint8_t* at = capacity > 0 ? target.Data() + offset : nullptr;
  const size_t used = GatherPayloads(region, count < kMaxDatagrams ? count : kMaxDatagrams, at, capacity);
  return Napi::Number::New(info.Env(), static_cast<double>(used));
}

// interfaceIndex(name) → index, 0 when there is no such interface
Napi::Value InterfaceIndex(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), if_nametoindex(info[0].As<Napi::String>().Utf8Value().c_str()));
}

// interfaceName(index) → name, '' when there is no such interface
Napi::Value InterfaceName(const Napi::CallbackInfo& info) {
  char name[IF_NAMESIZE];
  const char* found = if_indextoname(info[0].As<Napi::Number>().Uint32Value(), name);
  return Napi::String::New(info.Env(), found != nullptr ? found : "");
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto mapped = MappedRegion::Create();
  if (mapped == nullptr) {
    Napi::Error::New(env, "udp-dsr: no memory for the receive buffers").ThrowAsJavaScriptException();
    return exports;
  }
  env.SetInstanceData(new ThreadState(env, mapped));

  auto* owner = new std::shared_ptr<MappedRegion>(mapped);
  exports["memory"] = Napi::ArrayBuffer::New(
      env, mapped->get(), sizeof(Region),
      [](Napi::Env, void*, std::shared_ptr<MappedRegion>* region) { delete region; }, owner);
  exports["layout"] = DescribeLayout(env);
  exports["UdpSocket"] = UdpSocket::Define(env);
  exports["bpf"] = DefineBpfCalls(env);
  exports["netlink"] = DefineNetlinkCalls(env);
  exports["egress"] = DefineEgressCalls(env);
  exports["gather"] = Napi::Function::New<Gather>(env, "gather");
  exports["interfaceIndex"] = Napi::Function::New<InterfaceIndex>(env, "interfaceIndex");
  exports["interfaceName"] = Napi::Function::New<InterfaceName>(env, "interfaceName");
  return exports;
}

NODE_API_MODULE(udp_dsr, Init)

}  // namespace
}  // namespace udp_dsr
