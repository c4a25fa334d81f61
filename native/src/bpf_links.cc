#include "bpf_syscall.h"

namespace udp_dsr {
namespace {

// createLink(program, target, attachType, flags) → descriptor or -errno. The target is an interface's index,
// or the descriptor of a control group.
Napi::Value CreateLink(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.link_create.prog_fd = Number(info[0]);
  attributes.link_create.target_fd = Number(info[1]);
  attributes.link_create.attach_type = Number(info[2]);
  attributes.link_create.flags = Number(info[3]);
  return BpfDescriptor(info, BPF_LINK_CREATE, &attributes);
}

// updateLink(link, program) → 0 or -errno
Napi::Value UpdateLink(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.link_update.link_fd = Number(info[0]);
  attributes.link_update.new_prog_fd = Number(info[1]);
  return BpfStatus(info, BPF_LINK_UPDATE, &attributes);
}

// detachLink(link) → 0 or -errno (Linux 5.9)
Napi::Value DetachLink(const Napi::CallbackInfo& info) {
  bpf_attr attributes = BlankBpf();
  attributes.link_detach.link_fd = Number(info[0]);
  return BpfStatus(info, BPF_LINK_DETACH, &attributes);
}

}  // namespace

void DefineBpfLinks(Napi::Env env, Napi::Object calls) {
  calls["createLink"] = Napi::Function::New<CreateLink>(env, "createLink");
  calls["updateLink"] = Napi::Function::New<UpdateLink>(env, "updateLink");
  calls["detachLink"] = Napi::Function::New<DetachLink>(env, "detachLink");
}

}  // namespace udp_dsr
