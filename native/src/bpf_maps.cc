#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "bpf_syscall.h"

namespace udp_dsr {
namespace {

// createMap(type, keyBytes, valueBytes, entries, flags, name) → descriptor or -errno
Napi::Value CreateMap(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.map_type = Number(info[0]);
  attributes.key_size = Number(info[1]);
  attributes.value_size = Number(info[2]);
  attributes.max_entries = Number(info[3]);
  attributes.map_flags = Number(info[4]);
  CopyName(attributes.map_name, info[5]);
  return BpfDescriptor(info, BPF_MAP_CREATE, &attributes);
}

bpf_attr Element(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.map_fd = Number(info[0]);
  attributes.key = AddressOf(Bytes(info[1]));
  return attributes;
}

// updateMap(map, key, value, flags) → 0 or -errno
Napi::Value UpdateMap(const Napi::CallbackInfo& info) {
  bpf_attr attributes = Element(info);
  attributes.value = AddressOf(Bytes(info[2]));
  attributes.flags = Number(info[3]);
  return BpfStatus(info, BPF_MAP_UPDATE_ELEM, &attributes);
}

// lookupMap(map, key, value) → 0 or -errno
Napi::Value LookupMap(const Napi::CallbackInfo& info) {
  bpf_attr attributes = Element(info);
  attributes.value = AddressOf(Bytes(info[2]));
  return BpfStatus(info, BPF_MAP_LOOKUP_ELEM, &attributes);
}

// deleteFromMap(map, key) → 0 or -errno
Napi::Value DeleteFromMap(const Napi::CallbackInfo& info) {
  bpf_attr attributes = Element(info);
  return BpfStatus(info, BPF_MAP_DELETE_ELEM, &attributes);
}

// nextKey(map, key or undefined, next) → 0 or -errno: -ENOENT after the last
Napi::Value NextKey(const Napi::CallbackInfo& info) {
  bpf_attr attributes = Element(info);
  attributes.next_key = AddressOf(Bytes(info[2]));
  return BpfStatus(info, BPF_MAP_GET_NEXT_KEY, &attributes);
}

// updateBatch(map, keys, values, count) → 0 or -errno (Linux 5.6)
Napi::Value UpdateBatch(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.batch.map_fd = Number(info[0]);
  attributes.batch.keys = AddressOf(Bytes(info[1]));
  attributes.batch.values = AddressOf(Bytes(info[2]));
  attributes.batch.count = Number(info[3]);
  return BpfStatus(info, BPF_MAP_UPDATE_BATCH, &attributes);
}

// freezeMap(map) → 0 or -errno: no system call writes to it any more
Napi::Value FreezeMap(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.map_fd = Number(info[0]);
  return BpfStatus(info, BPF_MAP_FREEZE, &attributes);
}

// memoryOf(map, offset, length, writable) → ArrayBuffer, or -errno. Unmapped when it is garbage; closing the
// map does not end it. Writing to memory that is not writable ends the process.
Napi::Value MemoryOf(const Napi::CallbackInfo& info) {
  const size_t length = Number(info[2]);
  const int protection = PROT_READ | (info[3].As<Napi::Boolean>().Value() ? PROT_WRITE : 0);
  const auto fd = static_cast<int>(Number(info[0]));
  void* memory = mmap(nullptr, length, protection, MAP_SHARED, fd, Number(info[1]));
  if (memory == MAP_FAILED) return Napi::Number::New(info.Env(), -errno);
  auto* bytes = new size_t(length);
  return Napi::ArrayBuffer::New(
      info.Env(), memory, length,
      [](Napi::Env, void* start, size_t* size) {
        munmap(start, *size);
        delete size;
      },
      bytes);
}

}  // namespace

void DefineBpfMaps(Napi::Env env, Napi::Object calls) {
  calls["createMap"] = Napi::Function::New<CreateMap>(env, "createMap");
  calls["updateMap"] = Napi::Function::New<UpdateMap>(env, "updateMap");
  calls["lookupMap"] = Napi::Function::New<LookupMap>(env, "lookupMap");
  calls["deleteFromMap"] = Napi::Function::New<DeleteFromMap>(env, "deleteFromMap");
  calls["nextKey"] = Napi::Function::New<NextKey>(env, "nextKey");
  calls["updateBatch"] = Napi::Function::New<UpdateBatch>(env, "updateBatch");
  calls["freezeMap"] = Napi::Function::New<FreezeMap>(env, "freezeMap");
  calls["memoryOf"] = Napi::Function::New<MemoryOf>(env, "memoryOf");
}

}  // namespace udp_dsr
