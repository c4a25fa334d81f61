// bpf(2) as JavaScript sees it: one function a command, which returns a descriptor, 0, or -errno. What is
// made with them, and what an errno means, is decided in TypeScript.
#pragma once

#include <napi.h>

namespace udp_dsr {

// See `BpfCalls` in src/internal/addon.ts. Descriptors are the thread's: they are closed with it.
Napi::Object DefineBpfCalls(Napi::Env env);

}  // namespace udp_dsr
