// Sockets for outgoing connections, each a descriptor for JavaScript (src/ports/egress/).
#pragma once

#include <napi.h>

namespace udp_dsr {

Napi::Object DefineEgressCalls(Napi::Env env);

}  // namespace udp_dsr
