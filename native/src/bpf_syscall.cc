#include "bpf_syscall.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "thread_state.h"

namespace udp_dsr {

bpf_attr BlankBpf() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

int Bpf(bpf_cmd command, bpf_attr* attributes) {
  const long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);
  return result < 0 ? -errno : static_cast<int>(result);
}

Napi::Value BpfDescriptor(const Napi::CallbackInfo& info, bpf_cmd command, bpf_attr* attributes) {
  const int fd = Bpf(command, attributes);
  if (fd >= 0) ThreadState::Of(info.Env())->descriptors.insert(fd);
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value BpfStatus(const Napi::CallbackInfo& info, bpf_cmd command, bpf_attr* attributes) {
  return Napi::Number::New(info.Env(), Bpf(command, attributes));
}

void CopyName(char* field, const Napi::Value& name) {
  std::strncpy(field, name.As<Napi::String>().Utf8Value().c_str(), BPF_OBJ_NAME_LEN - 1);
}

uint64_t AddressOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

uint32_t Number(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

uint8_t* Bytes(const Napi::Value& value) {
  if (!value.IsTypedArray()) return nullptr;
  auto array = value.As<Napi::TypedArray>();
  return static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
}

uint32_t Length(const Napi::Value& value) {
  return value.IsTypedArray() ? static_cast<uint32_t>(value.As<Napi::TypedArray>().ByteLength()) : 0;
}

}  // namespace udp_dsr
