// Readiness of one fd on the libuv loop, in two gears. Idle: epoll through uv_poll. Busy: the fd is taken out
// of epoll and asked once per turn of the loop, because an fd in epoll costs the kernel a wake-up for every
// datagram.
#pragma once

#include <uv.h>

#include <memory>

#include "thread_state.h"

namespace udp_dsr {

class Poller {
 public:
  // Told about readiness; `error` says that the socket has an error pending. May close the poller.
  class Listener {
   public:
    virtual void OnReadable(bool error) = 0;
    virtual void OnWritable() = 0;

   protected:
    ~Listener() = default;
  };

  // Returns null and sets `error` (errno) when libuv does not take the fd.
  static Poller* Open(ThreadState* thread, int fd, Listener* listener, int* error);

  // Stops at once; the object deletes itself when libuv has let go of its handles. The fd may be closed after
  // this.
  void Close();

  void SetBusy(bool busy);
  bool IsBusy() const { return busy_; }
  void SetWritable(bool wanted);
  void SetRef(bool ref);
  bool HasRef() const { return ref_; }

 private:
  Poller(std::shared_ptr<Teardown> teardown, Listener* listener);
  static void OnPoll(uv_poll_t* handle, int status, int events);
  static void OnIdle(uv_idle_t* handle);
  static void OnClosed(uv_handle_t* handle);
  void Watch();
  int Events() const;

  std::shared_ptr<Teardown> teardown_;
  Listener* listener_;
  uv_poll_t poll_;
  uv_idle_t idle_;
  int open_handles_ = 0;
  bool busy_ = false;
  bool writable_ = false;
  bool ref_ = true;
};

}  // namespace udp_dsr
