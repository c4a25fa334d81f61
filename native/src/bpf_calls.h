// bpf(2) as JavaScript sees it: one function a command, which returns a descriptor, 0, or -errno. What is
// made with them, and what an errno means, is decided in TypeScript.
#pragma once

#include <napi.h>

namespace udp_dsr {

// { createMap, updateMap, lookupMap, loadProgram, pin, get, lock }; see `BpfCalls` in src/internal/addon.ts.
Napi::Object DefineBpfCalls(Napi::Env env);

}  // namespace udp_dsr
