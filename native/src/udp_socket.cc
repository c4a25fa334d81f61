#include "udp_socket.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "error_queue.h"

namespace udp_dsr {
namespace {

// Batches taken before other handles of the loop get their turn.
constexpr int kBatchesPerTurn = 4;

// A wake-up that brought this many datagrams is followed by polling instead of epoll. Below it, epoll is
// cheaper.
constexpr int kBusyFrom = 16;

int Errno(int status) { return status < 0 ? -errno : status; }

}  // namespace

Napi::Function UdpSocket::Define(Napi::Env env) {
  return DefineClass(env, "UdpSocket",
                     {
                         InstanceMethod<&UdpSocket::Open>("open"),
                         InstanceMethod<&UdpSocket::Adopt>("adopt"),
                         InstanceMethod<&UdpSocket::SetInt>("setInt"),
                         InstanceMethod<&UdpSocket::GetInt>("getInt"),
                         InstanceMethod<&UdpSocket::SetBytes>("setBytes"),
                         InstanceMethod<&UdpSocket::GetBytes>("getBytes"),
                         InstanceMethod<&UdpSocket::Bind>("bind"),
                         InstanceMethod<&UdpSocket::Connect>("connect"),
                         InstanceMethod<&UdpSocket::Disconnect>("disconnect"),
                         InstanceMethod<&UdpSocket::LocalName>("localName"),
                         InstanceMethod<&UdpSocket::PeerName>("peerName"),
                         InstanceMethod<&UdpSocket::Start>("start"),
                         InstanceMethod<&UdpSocket::Flush>("flush"),
                         InstanceMethod<&UdpSocket::TakeError>("takeError"),
                         InstanceMethod<&UdpSocket::MergeSends>("mergeSends"),
                         InstanceMethod<&UdpSocket::QueueErrors>("queueErrors"),
                         InstanceMethod<&UdpSocket::BusyPoll>("busyPoll"),
                         InstanceMethod<&UdpSocket::WatchWritable>("watchWritable"),
                         InstanceMethod<&UdpSocket::SetRef>("setRef"),
                         InstanceMethod<&UdpSocket::CloseFromScript>("close"),
                         InstanceAccessor<&UdpSocket::Fd>("fd"),
                     });
}

UdpSocket::UdpSocket(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<UdpSocket>(info),
      thread_(ThreadState::Of(info.Env())),
      teardown_(thread_->teardown),
      send_{.family = AF_INET} {}

UdpSocket::~UdpSocket() { Close(); }

void UdpSocket::Close() {
  if (fd_ < 0) return;
  if (poller_ != nullptr) {
    poller_->Close();
    poller_ = nullptr;
    if (!teardown_->begun()) {
      listener_.Reset();
      Unref();  // taken in Start()
    }
    if (!notifying_) context_.reset();
  }
  close(fd_);
  fd_ = -1;
  if (!teardown_->begun()) thread_->open.erase(this);
}

// open(family: 4 | 6) → 0 or -errno
Napi::Value UdpSocket::Open(const Napi::CallbackInfo& info) {
  if (fd_ >= 0) return Napi::Number::New(info.Env(), -EALREADY);
  send_.family = info[0].As<Napi::Number>().Int32Value() == 6 ? AF_INET6 : AF_INET;
  fd_ = socket(send_.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd_ >= 0) thread_->open.insert(this);
  return Napi::Number::New(info.Env(), fd_ < 0 ? -errno : 0);
}

// adopt(fd, family: 4 | 6) → the socket's family, or -errno. When it is the wanted one, the fd is this
// object's own from here on; else, as after an error, it stays its owner's and as it was.
Napi::Value UdpSocket::Adopt(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int wanted = info[1].As<Napi::Number>().Int32Value();
  if (fd_ >= 0) return Napi::Number::New(info.Env(), -EALREADY);
  int family = 0;
  int protocol = 0;
  socklen_t length = sizeof family;
  int status = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
  length = sizeof protocol;
  if (status == 0) status = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
  if (status != 0) return Napi::Number::New(info.Env(), -errno);
  if (protocol != IPPROTO_UDP || (family != AF_INET && family != AF_INET6)) {
    return Napi::Number::New(info.Env(), -EPROTOTYPE);
  }
  const int version = family == AF_INET6 ? 6 : 4;
  if (version != wanted) return Napi::Number::New(info.Env(), version);

  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    return Napi::Number::New(info.Env(), -errno);
  }
  fd_ = fd;
  send_.family = family;
  thread_->unadopted.erase(fd);
  thread_->open.insert(this);
  return Napi::Number::New(info.Env(), version);
}

// setInt(level, name, value) → 0 or -errno
Napi::Value UdpSocket::SetInt(const Napi::CallbackInfo& info) {
  const int value = info[2].As<Napi::Number>().Int32Value();
  const int status = setsockopt(fd_, info[0].As<Napi::Number>().Int32Value(),
                                info[1].As<Napi::Number>().Int32Value(), &value, sizeof value);
  return Napi::Number::New(info.Env(), Errno(status));
}

// getInt(level, name) → value or -errno
Napi::Value UdpSocket::GetInt(const Napi::CallbackInfo& info) {
  int value = 0;
  socklen_t length = sizeof value;
  const int status = getsockopt(fd_, info[0].As<Napi::Number>().Int32Value(),
                                info[1].As<Napi::Number>().Int32Value(), &value, &length);
  return Napi::Number::New(info.Env(), status < 0 ? -errno : value);
}

// setBytes(level, name, bytes: Uint8Array) → 0 or -errno
Napi::Value UdpSocket::SetBytes(const Napi::CallbackInfo& info) {
  const auto bytes = info[2].As<Napi::Uint8Array>();
  const int status =
      setsockopt(fd_, info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int32Value(),
                 bytes.Data(), static_cast<socklen_t>(bytes.ByteLength()));
  return Napi::Number::New(info.Env(), Errno(status));
}

// getBytes(level, name, into: Uint8Array) → length or -errno
Napi::Value UdpSocket::GetBytes(const Napi::CallbackInfo& info) {
  auto into = info[2].As<Napi::Uint8Array>();
  auto length = static_cast<socklen_t>(into.ByteLength());
  const int status = getsockopt(fd_, info[0].As<Napi::Number>().Int32Value(),
                                info[1].As<Napi::Number>().Int32Value(), into.Data(), &length);
  return Napi::Number::New(info.Env(), status < 0 ? -errno : static_cast<int>(length));
}

// Writes the peer fields of the name path, by which JavaScript hands addresses over, as a socket address.
int UdpSocket::WriteName(SocketAddress* name) const {
  return static_cast<int>(WritePeer(thread_->region->get()->paths[kNamePath], send_.family, name));
}

// bind() → 0 or -errno; address, port and scope in the name path
Napi::Value UdpSocket::Bind(const Napi::CallbackInfo& info) {
  SocketAddress name;
  const int length = WriteName(&name);
  return Napi::Number::New(info.Env(), Errno(bind(fd_, &name.generic, static_cast<socklen_t>(length))));
}

// connect() → 0 or -errno; address, port and scope in the name path
Napi::Value UdpSocket::Connect(const Napi::CallbackInfo& info) {
  SocketAddress name;
  const int length = WriteName(&name);
  const int status = Errno(connect(fd_, &name.generic, static_cast<socklen_t>(length)));
  if (status == 0) LearnPeer();
  return Napi::Number::New(info.Env(), status);
}

// The peer is in the name path.
void UdpSocket::LearnPeer() {
  send_.connected_to_mapped =
      send_.family == AF_INET6 && IsMapped(thread_->region->get()->paths[kNamePath].peer);
}

// disconnect() → 0 or -errno
Napi::Value UdpSocket::Disconnect(const Napi::CallbackInfo& info) {
  sockaddr none = {};
  none.sa_family = AF_UNSPEC;  // dissolves the association, connect(2)
  return Napi::Number::New(info.Env(), Errno(connect(fd_, &none, sizeof none)));
}

// localName() → 0 or -errno; fills the name path
Napi::Value UdpSocket::LocalName(const Napi::CallbackInfo& info) {
  SocketAddress name = {};
  socklen_t length = sizeof name;
  const int status = getsockname(fd_, &name.generic, &length);
  if (status == 0) ReadPeer(name, &thread_->region->get()->paths[kNamePath]);
  return Napi::Number::New(info.Env(), Errno(status));
}

// peerName() → 0 or -errno, -ENOTCONN when it has no peer; fills the name path
Napi::Value UdpSocket::PeerName(const Napi::CallbackInfo& info) {
  SocketAddress name = {};
  socklen_t length = sizeof name;
  const int status = Errno(getpeername(fd_, &name.generic, &length));
  if (status == 0) {
    ReadPeer(name, &thread_->region->get()->paths[kNamePath]);
    LearnPeer();
  }
  return Napi::Number::New(info.Env(), status);
}

// start(listener) → 0 or -errno. From here on the listener is called, and the socket stays alive until it is
// closed; before, nothing native refers to JavaScript, so that a socket nobody bound can be collected.
//
// The listener runs in the asynchronous context of this call. The context may hold this object (a store of
// AsyncLocalStorage that knows its socket), so it must not live longer than the socket is open.
Napi::Value UdpSocket::Start(const Napi::CallbackInfo& info) {
  if (fd_ < 0) return Napi::Number::New(info.Env(), -EBADF);
  if (poller_ != nullptr) return Napi::Number::New(info.Env(), -EALREADY);
  if (!info[0].IsFunction()) return Napi::Number::New(info.Env(), -EINVAL);
  int error = 0;
  poller_ = Poller::Open(thread_, fd_, this, &error);
  if (poller_ != nullptr) {
    context_.emplace(info.Env(), "udp-dsr:socket", info.This().As<Napi::Object>());
    listener_ = Napi::Persistent(info[0].As<Napi::Function>());
    Ref();
  } else if (error == EEXIST) {
    // An adopted fd that another handle of this loop watches is that handle's to close.
    thread_->open.erase(this);
    fd_ = -1;
  }
  return Napi::Number::New(info.Env(), -error);
}

// flush(from, to) → first send that was not taken; its errno in state.error
Napi::Value UdpSocket::Flush(const Napi::CallbackInfo& info) {
  const uint32_t from = info[0].As<Napi::Number>().Uint32Value();
  const uint32_t to = info[1].As<Napi::Number>().Uint32Value();
  State& state = thread_->region->get()->state;
  if (fd_ < 0 || to > kMaxSends) {
    state.error = EBADF;
    return Napi::Number::New(info.Env(), from);
  }
  const BatchSender::Result result = thread_->sender.Flush(fd_, from, to, &send_);
  state.error = result.error;
  return Napi::Number::New(info.Env(), result.next);
}

// takeError() → { errno, origin, type, code, info, hasOffender } or undefined when the error queue is empty.
// The destination is in the name path's peer fields, the offender in its local.
Napi::Value UdpSocket::TakeError(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  QueuedError error;
  if (fd_ < 0 || TakeQueuedError(fd_, &error) <= 0) return env.Undefined();
  Path& path = thread_->region->get()->paths[kNamePath];
  const bool has_offender = error.offender.generic.sa_family != AF_UNSPEC;
  Path offender = {};
  if (has_offender) ReadPeer(error.offender, &offender);
  ReadPeer(error.destination, &path);
  std::memcpy(path.local, offender.peer, sizeof path.local);
  Napi::Object out = Napi::Object::New(env);
  out["errno"] = error.detail.ee_errno;
  out["origin"] = error.detail.ee_origin;
  out["type"] = error.detail.ee_type;
  out["code"] = error.detail.ee_code;
  out["info"] = error.detail.ee_info;
  out["offenderFamily"] = has_offender ? (error.offender.generic.sa_family == AF_INET6 ? 6 : 4) : 0;
  return out;
}

void UdpSocket::MergeSends(const Napi::CallbackInfo& info) { send_.merge = info[0].As<Napi::Boolean>(); }

void UdpSocket::QueueErrors(const Napi::CallbackInfo& info) {
  send_.queues_errors = info[0].As<Napi::Boolean>();
}

// busyPoll(microseconds): how long to go on asking for a datagram that is expected before sleeping
void UdpSocket::BusyPoll(const Napi::CallbackInfo& info) {
  busy_poll_ns_ = uint64_t{info[0].As<Napi::Number>().Uint32Value()} * 1000;
}

void UdpSocket::WatchWritable(const Napi::CallbackInfo& info) {
  if (poller_ != nullptr) poller_->SetWritable(info[0].As<Napi::Boolean>());
}

void UdpSocket::SetRef(const Napi::CallbackInfo& info) {
  if (poller_ != nullptr) poller_->SetRef(info[0].As<Napi::Boolean>());
}

void UdpSocket::CloseFromScript(const Napi::CallbackInfo&) { Close(); }

Napi::Value UdpSocket::Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_); }

void UdpSocket::OnWritable() {
  Napi::HandleScope scope(Env());
  [[maybe_unused]] const Napi::Object self = Value();  // the listener may drop the last reference
  Notify(kWritable, 0);
}

void UdpSocket::OnReadable(bool error) {
  Napi::HandleScope scope(Env());
  [[maybe_unused]] const Napi::Object self = Value();
  if (error && !Notify(kErrorQueue, 0)) return;

  const uint64_t began = uv_hrtime();
  State& state = thread_->region->get()->state;
  int messages = 0;
  for (int batch = 0; batch < kBatchesPerTurn; ++batch) {
    const BatchReceiver::Result result = thread_->receiver.Receive(fd_);
    if (result.messages < 0) {
      if (result.messages == -EAGAIN) break;
      // Fetching a pending error clears it, so the next call sees what is behind it.
      if (!Notify(kReceiveError, -result.messages)) return;
      continue;
    }
    messages += result.messages;
    state.cursor = 0;
    // A listener that throws has its error reported; the datagrams behind the one it threw on are still
    // delivered. Each call gets one further, but for the first ('batch') and the last: any more, and
    // JavaScript makes no progress (somebody detached the region's buffer, say).
    uint32_t calls_left = result.datagrams + 2;
    do {
      if (!Notify(kDatagrams, static_cast<int>(result.datagrams))) return;
    } while (state.cursor < result.datagrams && --calls_left != 0);
    if (static_cast<uint32_t>(result.messages) < kSlots) break;
  }
  if (poller_ != nullptr) poller_->SetBusy(ExpectsMore(messages, began));
}

// Whether to go on asking instead of sleeping, after a turn that brought `messages`. A burst is followed by
// more; so is, most likely, a datagram that came soon after the one before it. To ask for as long as a
// wake-up takes costs at most twice what the better of asking and sleeping would have cost.
bool UdpSocket::ExpectsMore(int messages, uint64_t began) {
  const uint64_t now = uv_hrtime();
  if (messages == 0) return poller_->IsBusy() && now - last_turn_ns_ < busy_poll_ns_;
  const bool soon = began - last_turn_ns_ < busy_poll_ns_;
  last_turn_ns_ = now;
  return soon || messages >= kBusyFrom;
}

// Calls the listener. Returns false when the socket is closed or JavaScript can no longer run.
bool UdpSocket::Notify(Event event, int value) {
  napi_env env = Env();
  napi_value arguments[2];
  napi_create_int32(env, event, &arguments[0]);
  napi_create_int32(env, value, &arguments[1]);
  napi_value self = Value();
  notifying_ = true;
  const napi_status status =
      napi_make_callback(env, *context_, self, listener_.Value(), 2, arguments, nullptr);
  notifying_ = false;
  if (poller_ == nullptr) context_.reset();  // closed by the listener, which ran in it
  if (status != napi_ok) {
    // Either the listener threw, which is what process.on('uncaughtException') is for, or the thread is
    // ending.
    bool pending = false;
    napi_value error;
    napi_is_exception_pending(env, &pending);
    if (!pending || napi_get_and_clear_last_exception(env, &error) != napi_ok) return false;
    napi_fatal_exception(env, error);
  }
  return poller_ != nullptr;
}

}  // namespace udp_dsr
