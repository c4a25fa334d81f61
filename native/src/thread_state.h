// What one JavaScript thread owns: the region it shares with native code, the batch machinery over it, and
// the open sockets, which are closed when the thread or the process ends.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <unordered_set>

#include "batch_io.h"
#include "layout.h"
#include "udp_tuple.h"

namespace udp_dsr {

class UdpSocket;

// Anonymous mapping: pages exist from first touch on, so a thread that opens one quiet socket pays for a few
// of them. Shared by the thread's state and by the ArrayBuffer over it; the last of them unmaps it.
class MappedRegion {
 public:
  static std::shared_ptr<MappedRegion> Create();  // null when the system has no memory
  ~MappedRegion();
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  Region* get() const { return region_; }

 private:
  explicit MappedRegion(Region* region) : region_(region) {}
  Region* region_;
};

// Counts what libuv still has to let go of. Outlives ThreadState: libuv closes handles after the
// environment's own data is gone.
class Teardown {
 public:
  void HandlesOpened() { ++handles_; }
  void HandlesClosed();
  void Begin(napi_async_cleanup_hook_handle hook);
  bool begun() const { return begun_; }

 private:
  void Finish();
  size_t handles_ = 0;
  bool begun_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

struct ThreadState {
  ThreadState(napi_env env, std::shared_ptr<MappedRegion> mapped);

  static ThreadState* Of(Napi::Env env) { return env.GetInstanceData<ThreadState>(); }

  std::shared_ptr<MappedRegion> region;
  std::shared_ptr<Teardown> teardown;
  BatchReceiver receiver;
  BatchSender sender;
  UdpDiag udp_diag;
  uv_loop_t* loop = nullptr;
  std::unordered_set<UdpSocket*> open;
  // Descriptors on their way through JavaScript to UdpSocket::Adopt. A worker can be terminated in between.
  std::unordered_set<int> unadopted;
  // Descriptors of maps, programs and links, which JavaScript knows by their numbers.
  std::unordered_set<int> descriptors;
};

}  // namespace udp_dsr
