#include "thread_state.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "udp_socket.h"

namespace udp_dsr {
namespace {

void CloseEverything(napi_async_cleanup_hook_handle hook, void* data) {
  auto* state = static_cast<ThreadState*>(data);
  // Each Close() takes its socket out of the set.
  while (!state->open.empty()) (*state->open.begin())->Close();
  for (const int fd : state->unadopted) close(fd);
  state->unadopted.clear();
  for (const int fd : state->descriptors) close(fd);
  state->descriptors.clear();
  state->teardown->Begin(hook);
}

}  // namespace

std::shared_ptr<MappedRegion> MappedRegion::Create() {
  void* memory = mmap(nullptr, sizeof(Region), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  return std::shared_ptr<MappedRegion>(new MappedRegion(static_cast<Region*>(memory)));
}

MappedRegion::~MappedRegion() { munmap(region_, sizeof(Region)); }

void Teardown::HandlesClosed() {
  --handles_;
  Finish();
}

void Teardown::Begin(napi_async_cleanup_hook_handle hook) {
  begun_ = true;
  hook_ = hook;
  Finish();
}

// Node waits for this removal before it destroys the loop that the handles live in.
void Teardown::Finish() {
  if (!begun_ || handles_ != 0 || hook_ == nullptr) return;
  napi_remove_async_cleanup_hook(std::exchange(hook_, nullptr));
}

ThreadState::ThreadState(napi_env env, std::shared_ptr<MappedRegion> mapped)
    : region(std::move(mapped)),
      teardown(std::make_shared<Teardown>()),
      receiver(region->get()),
      sender(region->get()) {
  napi_get_uv_event_loop(env, &loop);
  napi_add_async_cleanup_hook(env, CloseEverything, this, nullptr);
}

}  // namespace udp_dsr
