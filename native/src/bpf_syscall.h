// What the units over bpf(2) share: the call itself, and reading arguments from JavaScript.
#pragma once

#include <linux/bpf.h>
#include <napi.h>

#include <cstdint>
#include <string>

namespace udp_dsr {

// Zero in all its bytes: fields that a command does not have are to be zero (bpf(2)), padding too.
bpf_attr BlankBpf();

// The command's result, or -errno.
int Bpf(bpf_cmd command, bpf_attr* attributes);

// The same for a command that returns a descriptor, which the thread owns until CloseDescriptor.
Napi::Value BpfDescriptor(const Napi::CallbackInfo& info, bpf_cmd command, bpf_attr* attributes);

// The same as a status for JavaScript.
Napi::Value BpfStatus(const Napi::CallbackInfo& info, bpf_cmd command, bpf_attr* attributes);

// Copies a name into a field of BPF_OBJ_NAME_LEN bytes.
void CopyName(char* field, const Napi::Value& name);

uint64_t AddressOf(const void* pointer);
uint32_t Number(const Napi::Value& value);

// The bytes of a typed array; null of anything else.
uint8_t* Bytes(const Napi::Value& value);
uint32_t Length(const Napi::Value& value);

// Adds their functions to `calls`.
void DefineBpfMaps(Napi::Env env, Napi::Object calls);
void DefineBpfPrograms(Napi::Env env, Napi::Object calls);
void DefineBpfLinks(Napi::Env env, Napi::Object calls);

}  // namespace udp_dsr
