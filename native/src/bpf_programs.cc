#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf_syscall.h"

namespace udp_dsr {
namespace {

// Keeps signals from the thread: the verifier gives up (EAGAIN) when one comes, and a profiler sends many.
// By rt_sigprocmask(2) itself, which is about the calling thread: glibc 2.32 gave pthread_sigmask another
// version.
class SignalsBlocked {
 public:
  SignalsBlocked() { Set(~uint64_t{0}, &before_); }
  ~SignalsBlocked() { Set(before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  static void Set(uint64_t mask, uint64_t* before) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, before, sizeof mask);
  }
  uint64_t before_ = 0;
};

// loadProgram(type, instructions, name, attachType, flags, log or undefined) → descriptor or -errno. With a
// log the verifier writes there what it did, as text that ends with a zero octet.
Napi::Value LoadProgram(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.prog_type = Number(info[0]);
  attributes.insns = AddressOf(Bytes(info[1]));
  attributes.insn_cnt = static_cast<uint32_t>(Length(info[1]) / sizeof(bpf_insn));
  attributes.license = AddressOf("Dual MIT/GPL");
  CopyName(attributes.prog_name, info[2]);
  attributes.expected_attach_type = Number(info[3]);
  attributes.prog_flags = Number(info[4]);
  attributes.log_size = Length(info[5]);
  if (attributes.log_size > 0) {
    attributes.log_buf = AddressOf(Bytes(info[5]));
    attributes.log_level = 1;
  }
  const SignalsBlocked blocked;
  return BpfDescriptor(info, BPF_PROG_LOAD, &attributes);
}

// What testProgram writes into its last argument.
struct TestResult {
  uint32_t verdict;
  uint32_t nanoseconds;  // of one repetition
  uint32_t data_length;
  uint32_t context_length;
};

// testProgram(program, data, dataOut, context, contextOut, repeat, flags, batch, result) → 0 or -errno
// (BPF_PROG_TEST_RUN). Arrays may be undefined; result has the words of TestResult.
Napi::Value TestProgram(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  auto& test = attributes.test;
  test.prog_fd = Number(info[0]);
  test.data_in = AddressOf(Bytes(info[1]));
  test.data_size_in = Length(info[1]);
  test.data_out = AddressOf(Bytes(info[2]));
  test.data_size_out = Length(info[2]);
  test.ctx_in = AddressOf(Bytes(info[3]));
  test.ctx_size_in = Length(info[3]);
  test.ctx_out = AddressOf(Bytes(info[4]));
  test.ctx_size_out = Length(info[4]);
  test.repeat = Number(info[5]);
  test.flags = Number(info[6]);
  test.batch_size = Number(info[7]);
  const int status = Bpf(BPF_PROG_TEST_RUN, &attributes);
  auto* result = reinterpret_cast<TestResult*>(Bytes(info[8]));
  *result = {test.retval, test.duration, test.data_size_out, test.ctx_size_out};
  return Napi::Number::New(info.Env(), status);
}

}  // namespace

void DefineBpfPrograms(Napi::Env env, Napi::Object calls) {
  calls["loadProgram"] = Napi::Function::New<LoadProgram>(env, "loadProgram");
  calls["testProgram"] = Napi::Function::New<TestProgram>(env, "testProgram");
}

}  // namespace udp_dsr
