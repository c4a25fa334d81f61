#include "bpf_calls.h"

#include <linux/bpf.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace udp_dsr {
namespace {

// Between two attempts to get a lock.
constexpr timespec kLockPause = {0, 1'000'000};

uint64_t AddressOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// Fields that a command does not have are to be zero (bpf(2)), padding too.
bpf_attr Blank() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

int Bpf(bpf_cmd command, bpf_attr* attributes) {
  const long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);
  return result < 0 ? -errno : static_cast<int>(result);
}

uint32_t Number(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

// createMap(type, keyBytes, valueBytes, entries, name) → descriptor or -errno
Napi::Value CreateMap(const Napi::CallbackInfo& info) {
  bpf_attr attributes = Blank();
  attributes.map_type = Number(info[0]);
  attributes.key_size = Number(info[1]);
  attributes.value_size = Number(info[2]);
  attributes.max_entries = Number(info[3]);
  const std::string name = info[4].As<Napi::String>().Utf8Value();
  std::strncpy(attributes.map_name, name.c_str(), sizeof attributes.map_name - 1);
  return Napi::Number::New(info.Env(), Bpf(BPF_MAP_CREATE, &attributes));
}

// updateMap(map, index, value: Uint8Array, flags) → 0 or -errno. The value is as long as the map's are.
Napi::Value UpdateMap(const Napi::CallbackInfo& info) {
  const uint32_t index = Number(info[1]);
  bpf_attr attributes = Blank();
  attributes.map_fd = Number(info[0]);
  attributes.key = AddressOf(&index);
  attributes.value = AddressOf(info[2].As<Napi::Uint8Array>().Data());
  attributes.flags = Number(info[3]);
  return Napi::Number::New(info.Env(), Bpf(BPF_MAP_UPDATE_ELEM, &attributes));
}

// lookupMap(map, index, value: Uint8Array) → 0 or -errno. The value is as long as the map's are.
Napi::Value LookupMap(const Napi::CallbackInfo& info) {
  const uint32_t index = Number(info[1]);
  bpf_attr attributes = Blank();
  attributes.map_fd = Number(info[0]);
  attributes.key = AddressOf(&index);
  attributes.value = AddressOf(info[2].As<Napi::Uint8Array>().Data());
  return Napi::Number::New(info.Env(), Bpf(BPF_MAP_LOOKUP_ELEM, &attributes));
}

// loadProgram(type, instructions: Uint8Array, name) → descriptor or -errno
Napi::Value LoadProgram(const Napi::CallbackInfo& info) {
  const auto instructions = info[1].As<Napi::Uint8Array>();
  const std::string name = info[2].As<Napi::String>().Utf8Value();
  bpf_attr attributes = Blank();
  attributes.prog_type = Number(info[0]);
  attributes.insns = AddressOf(instructions.Data());
  attributes.insn_cnt = static_cast<uint32_t>(instructions.ByteLength() / sizeof(bpf_insn));
  attributes.license = AddressOf("Dual MIT/GPL");
  std::strncpy(attributes.prog_name, name.c_str(), sizeof attributes.prog_name - 1);
  return Napi::Number::New(info.Env(), Bpf(BPF_PROG_LOAD, &attributes));
}

// pin(descriptor, path) → 0 or -errno
Napi::Value Pin(const Napi::CallbackInfo& info) {
  const std::string path = info[1].As<Napi::String>().Utf8Value();
  bpf_attr attributes = Blank();
  attributes.bpf_fd = Number(info[0]);
  attributes.pathname = AddressOf(path.c_str());
  return Napi::Number::New(info.Env(), Bpf(BPF_OBJ_PIN, &attributes));
}

// get(path) → descriptor or -errno
Napi::Value Get(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  bpf_attr attributes = Blank();
  attributes.pathname = AddressOf(path.c_str());
  return Napi::Number::New(info.Env(), Bpf(BPF_OBJ_GET, &attributes));
}

// lock(descriptor, milliseconds) → 0, or -errno: -EWOULDBLOCK when it is not free in that time (flock(2)).
// Closing the descriptor gives it back. Polls, since a lock that is waited for has no end.
Napi::Value Lock(const Napi::CallbackInfo& info) {
  const auto fd = static_cast<int>(Number(info[0]));
  for (uint32_t left = Number(info[1]);; --left) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return Napi::Number::New(info.Env(), 0);
    if (errno != EWOULDBLOCK || left == 0) return Napi::Number::New(info.Env(), -errno);
    nanosleep(&kLockPause, nullptr);
  }
}

}  // namespace

Napi::Object DefineBpfCalls(Napi::Env env) {
  Napi::Object calls = Napi::Object::New(env);
  calls["createMap"] = Napi::Function::New<CreateMap>(env, "createMap");
  calls["updateMap"] = Napi::Function::New<UpdateMap>(env, "updateMap");
  calls["lookupMap"] = Napi::Function::New<LookupMap>(env, "lookupMap");
  calls["loadProgram"] = Napi::Function::New<LoadProgram>(env, "loadProgram");
  calls["pin"] = Napi::Function::New<Pin>(env, "pin");
  calls["get"] = Napi::Function::New<Get>(env, "get");
  calls["lock"] = Napi::Function::New<Lock>(env, "lock");
  return calls;
}

}  // namespace udp_dsr
