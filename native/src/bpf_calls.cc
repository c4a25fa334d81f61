#include "bpf_calls.h"

#include <linux/membarrier.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "bpf_syscall.h"
#include "thread_state.h"

namespace udp_dsr {
namespace {

// Between two attempts to get a lock.
constexpr timespec kLockPause = {0, 1'000'000};

// pin(descriptor, path) → 0 or -errno
Napi::Value Pin(const Napi::CallbackInfo& info) {
  const std::string path = info[1].As<Napi::String>().Utf8Value();
  bpf_attr attributes = BlankBpf();
  attributes.bpf_fd = Number(info[0]);
  attributes.pathname = AddressOf(path.c_str());
  return BpfStatus(info, BPF_OBJ_PIN, &attributes);
}

// get(path) → descriptor or -errno
Napi::Value Get(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  bpf_attr attributes = BlankBpf();
  attributes.pathname = AddressOf(path.c_str());
  return BpfDescriptor(info, BPF_OBJ_GET, &attributes);
}

// byId(command, id) → descriptor or -errno: BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID,
// BPF_LINK_GET_FD_BY_ID
Napi::Value ById(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.prog_id = Number(info[1]);
  return BpfDescriptor(info, static_cast<bpf_cmd>(Number(info[0])), &attributes);
}

// info(descriptor, into) → bytes that the kernel filled in, or -errno: struct bpf_map_info, bpf_prog_info or
// bpf_link_info
Napi::Value Info(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.info.bpf_fd = Number(info[0]);
  attributes.info.info = AddressOf(Bytes(info[1]));
  attributes.info.info_len = Length(info[1]);
  const int status = Bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes);
  return Napi::Number::New(info.Env(), status < 0 ? status : static_cast<int>(attributes.info.info_len));
}

// close(descriptor)
void Close(const Napi::CallbackInfo& info) {
  const auto fd = static_cast<int>(Number(info[0]));
  // Nothing that is not the thread's: its number may be somebody else's by now.
  if (ThreadState::Of(info.Env())->descriptors.erase(fd) > 0) close(fd);
}

// gracePeriod() → 0 or -errno. When it returns, no program runs any more that began before (membarrier(2)).
Napi::Value GracePeriod(const Napi::CallbackInfo& info) {
  const long status = syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
  return Napi::Number::New(info.Env(), status < 0 ? -errno : 0);
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
  DefineBpfMaps(env, calls);
  DefineBpfPrograms(env, calls);
  DefineBpfLinks(env, calls);
  calls["pin"] = Napi::Function::New<Pin>(env, "pin");
  calls["get"] = Napi::Function::New<Get>(env, "get");
  calls["byId"] = Napi::Function::New<ById>(env, "byId");
  calls["info"] = Napi::Function::New<Info>(env, "info");
  calls["close"] = Napi::Function::New<Close>(env, "close");
  calls["gracePeriod"] = Napi::Function::New<GracePeriod>(env, "gracePeriod");
  calls["lock"] = Napi::Function::New<Lock>(env, "lock");
  return calls;
}

}  // namespace udp_dsr
