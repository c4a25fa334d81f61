// Interfaces, routes and neighbours as JavaScript asks for them, and filters of traffic control. All of the
// network namespace that the thread is in.
#pragma once

#include <napi.h>

namespace udp_dsr {

// See `NetlinkCalls` in src/internal/addon.ts.
Napi::Object DefineNetlinkCalls(Napi::Env env);

}  // namespace udp_dsr
