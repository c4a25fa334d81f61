// A UDP socket as JavaScript sees it: system calls that return an errno, and batches over the thread's
// region. What the numbers mean, and what to do about them, is decided in TypeScript (src/socket/).
#pragma once

#include <napi.h>

#include <optional>

#include "batch_io.h"
#include "poller.h"
#include "thread_state.h"

namespace udp_dsr {

class UdpSocket final : public Napi::ObjectWrap<UdpSocket>, private Poller::Listener {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit UdpSocket(const Napi::CallbackInfo& info);
  ~UdpSocket() override;

  // Closes the fd at once, so that its port is free. Idempotent.
  void Close();

 private:
  // First argument of the JavaScript listener; the second is a count or an errno. See src/internal/addon.ts.
  enum Event { kDatagrams = 0, kWritable = 1, kReceiveError = 2, kErrorQueue = 3 };

  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Adopt(const Napi::CallbackInfo& info);
  Napi::Value SetInt(const Napi::CallbackInfo& info);
  Napi::Value GetInt(const Napi::CallbackInfo& info);
  Napi::Value SetBytes(const Napi::CallbackInfo& info);
  Napi::Value GetBytes(const Napi::CallbackInfo& info);
  Napi::Value Bind(const Napi::CallbackInfo& info);
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value Disconnect(const Napi::CallbackInfo& info);
  Napi::Value LocalName(const Napi::CallbackInfo& info);
  Napi::Value PeerName(const Napi::CallbackInfo& info);
  Napi::Value Start(const Napi::CallbackInfo& info);
  Napi::Value Flush(const Napi::CallbackInfo& info);
  Napi::Value TakeError(const Napi::CallbackInfo& info);
  void MergeSends(const Napi::CallbackInfo& info);
  void QueueErrors(const Napi::CallbackInfo& info);
  void BusyPoll(const Napi::CallbackInfo& info);
  void WatchWritable(const Napi::CallbackInfo& info);
  void SetRef(const Napi::CallbackInfo& info);
  void CloseFromScript(const Napi::CallbackInfo& info);
  Napi::Value Fd(const Napi::CallbackInfo& info);

  void OnReadable(bool error) override;
  void OnWritable() override;
  bool Notify(Event event, int value);
  bool ExpectsMore(int messages, uint64_t began);
  int WriteName(SocketAddress* name) const;
  void LearnPeer();

  ThreadState* thread_;
  std::shared_ptr<Teardown> teardown_;
  Napi::FunctionReference listener_;
  std::optional<Napi::AsyncContext> context_;  // while started
  bool notifying_ = false;
  Poller* poller_ = nullptr;
  SendState send_;
  uint64_t busy_poll_ns_ = 0;
  uint64_t last_turn_ns_ = 0;  // end of the last turn that brought datagrams
  int fd_ = -1;
};

}  // namespace udp_dsr
