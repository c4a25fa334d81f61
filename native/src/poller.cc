#include "poller.h"

#include <utility>

namespace udp_dsr {

Poller::Poller(std::shared_ptr<Teardown> teardown, Listener* listener)
    : teardown_(std::move(teardown)), listener_(listener) {}

Poller* Poller::Open(ThreadState* thread, int fd, Listener* listener, int* error) {
  auto* poller = new Poller(thread->teardown, listener);
  const int status = uv_poll_init(thread->loop, &poller->poll_, fd);
  if (status != 0) {
    *error = -status;
    delete poller;
    return nullptr;
  }
  uv_idle_init(thread->loop, &poller->idle_);
  poller->poll_.data = poller;
  poller->idle_.data = poller;
  poller->open_handles_ = 2;
  poller->teardown_->HandlesOpened();
  poller->Watch();
  return poller;
}

void Poller::Close() {
  listener_ = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), OnClosed);
}

void Poller::OnClosed(uv_handle_t* handle) {
  auto* poller = static_cast<Poller*>(handle->data);
  if (--poller->open_handles_ != 0) return;
  const std::shared_ptr<Teardown> teardown = poller->teardown_;
  delete poller;
  teardown->HandlesClosed();
}

int Poller::Events() const { return (busy_ ? 0 : UV_READABLE) | (writable_ ? UV_WRITABLE : 0); }

void Poller::Watch() {
  const int events = Events();
  if (events != 0) {
    uv_poll_start(&poll_, events, OnPoll);
  } else {
    uv_poll_stop(&poll_);
  }
}

void Poller::SetBusy(bool busy) {
  if (busy == busy_ || listener_ == nullptr) return;
  busy_ = busy;
  if (busy) {
    uv_idle_start(&idle_, OnIdle);
  } else {
    uv_idle_stop(&idle_);
  }
  Watch();
}

void Poller::SetWritable(bool wanted) {
  if (wanted == writable_ || listener_ == nullptr) return;
  writable_ = wanted;
  Watch();
}

void Poller::SetRef(bool ref) {
  ref_ = ref;
  auto* poll = reinterpret_cast<uv_handle_t*>(&poll_);
  auto* idle = reinterpret_cast<uv_handle_t*>(&idle_);
  if (ref) {
    uv_ref(poll);
    uv_ref(idle);
  } else {
    uv_unref(poll);
    uv_unref(idle);
  }
}

void Poller::OnPoll(uv_poll_t* handle, int status, int events) {
  auto* poller = static_cast<Poller*>(handle->data);
  // On EPOLLERR libuv stops the handle and reports UV_EBADF, whatever the cause. For a UDP socket it is a
  // pending ICMP error: go on watching, and let the listener fetch it.
  const bool error = status < 0;
  if (error) poller->Watch();
  if ((events & UV_WRITABLE) != 0) poller->listener_->OnWritable();
  if (poller->listener_ == nullptr) return;
  if (error || (events & UV_READABLE) != 0) poller->listener_->OnReadable(error);
}

void Poller::OnIdle(uv_idle_t* handle) { static_cast<Poller*>(handle->data)->listener_->OnReadable(false); }

}  // namespace udp_dsr
